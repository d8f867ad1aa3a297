"""Domains of rows: their names, the ones that are held out, and what can be wrong with what was asked."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from datasets import Dataset

from crosstune.core.domains import Domains
from crosstune.core.errors import nearest, shown
from crosstune.core.labels import class_name
from crosstune.data.errors import BadDomains
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import OUT_OF_DOMAIN, WHOLE
from crosstune.data.store import values
from crosstune.data.targets import is_missing

ROWS_EACH = 2
"""Rows that a domain has on average, at least; a column with fewer is an id, or the target itself."""


FEW = 30
"""Validation rows of a domain below which its figure is mostly chance. ASSUMED."""


def domain_names(splits: Iterable[Dataset], column: str | None) -> tuple[str, ...]:
    """Return the names of all domains, sorted; a row without one counts for none."""
    if column is None:
        return ()
    found = {class_name(value) for one in splits for value in values(one, column) if not is_missing(value)}
    return tuple(sorted(found))


def hold_out_domains(data: LabelledData, held_out: Sequence[str]) -> LabelledData:
    """Move every row of the domains ``held_out`` into a split of its own, whatever split it was in.

    Those rows are no training, no validation and no test data in the domain (WILDS, Koh 2021): the data
    without them is what a run would have had before the new domain came.

    Checked by: ``tests/data/test_domains.py``.
    """
    if not held_out or data.domain is None:
        return data
    wanted = set(held_out)
    inside: dict[str, tuple[str, list[int]]] = {}
    outside: dict[str, list[int]] = {}
    for split, dataset in data.splits.items():
        column = values(dataset, data.domain)
        away = [not is_missing(value) and class_name(value) in wanted for value in column]
        inside[split] = (split, [row for row, gone in enumerate(away) if not gone])
        outside[split] = [row for row, gone in enumerate(away) if gone]
    kept = {name: chosen for name, chosen in inside.items() if chosen[1]}
    trained = tuple(name for name in data.domain_names if name not in wanted)
    names = (*trained, *(name for name in data.domain_names if name in wanted))
    data = replace(data, splits={**data.splits, OUT_OF_DOMAIN: _joined(data, outside)})
    moved = len(data.splits[OUT_OF_DOMAIN])
    note = f"held out {shown(f'`{name}`' for name in held_out)}: {moved:,} rows that are never trained on"
    whole = {OUT_OF_DOMAIN: (OUT_OF_DOMAIN, range(moved))}
    return replace(data.with_rows({**kept, **whole}, note), domain_names=names)


def _joined(data: LabelledData, rows: dict[str, list[int]]) -> Dataset:
    from datasets import concatenate_datasets

    parts = [data.splits[split].select(chosen) for split, chosen in rows.items() if chosen]
    return concatenate_datasets(parts) if len(parts) > 1 else parts[0]


def require_domains(data: LabelledData, held_out: Sequence[str], select_by: str | None) -> None:
    """Raise ``BadDomains`` with everything that is wrong with what was asked about domains.

    Args:
        data: as read, before anything is held out.
        held_out: names of domains.
        select_by: what models are chosen by; ``None`` and ``overall`` need no domains.

    Checked by: ``tests/data/test_domains.py``.
    """
    named = select_by not in (None, "overall")
    if data.domain is None:
        problems = [_without_column(f"--held-out-domain {name}") for name in held_out]
        problems += [_without_column(f"--select-by {select_by}")] if named else []
    else:
        problems = [*_taken(data), *_unknown(data, held_out), *_few(data, held_out)]
    if problems:
        raise BadDomains(data.source, problems)


Problem = tuple[str, str, str]
"""Found, expected, fix."""


def _without_column(flag: str) -> Problem:
    return (
        f"{flag} without --domain",
        "the column that says which domain a row comes from",
        "add --domain COLUMN",
    )


def _taken(data: LabelledData) -> list[Problem]:
    uses = [(data.target, "target"), (data.group, "group"), *((name, "input") for name in data.inputs)]
    use = next((words for name, words in uses if name == data.domain), None)
    if use is None:
        return []
    found = f"the column `{data.domain}` is the domain and the {use}"
    return [(found, "a column of its own for the domain", "name another column with --domain")]


def _unknown(data: LabelledData, held_out: Sequence[str]) -> list[Problem]:
    problems = []
    known = data.domain_names
    for name in held_out:
        if name not in known:
            near = nearest(name, known)
            problems.append(
                (
                    f"no row of the domain `{name}` in the column `{data.domain}`",
                    f"one of {shown(known, most=40)}",
                    f"did you mean `--held-out-domain {near}`?" if near else "name one of these domains",
                )
            )
    return problems


def _few(data: LabelledData, held_out: Sequence[str]) -> list[Problem]:
    known, rows = data.domain_names, data.rows()
    if len(known) < 2:
        found = f"one domain, `{known[0]}`" if known else "no value"
        return [(f"{found} in the column `{data.domain}`", "at least two domains",
                 "name another column with --domain, or leave it out")]  # fmt: skip
    if rows < ROWS_EACH * len(known):
        return [(f"{len(known):,} domains for {rows:,} rows in the column `{data.domain}`",
                 f"at least {ROWS_EACH} rows a domain on average",
                 "name a column that says where rows come from, not one that numbers them")]  # fmt: skip
    if set(known) <= set(held_out):
        return [("every domain is held out", "at least one domain to train on",
                 "hold out fewer domains")]  # fmt: skip
    training = WHOLE if WHOLE in data.splits else "train"
    if training in data.splits and not set(_present(data, training)) - set(held_out):
        return [("every domain of the training split is held out", "a training split with another domain",
                 "hold out fewer domains, or add rows of others to the training split")]  # fmt: skip
    return []


def _present(data: LabelledData, split: str) -> tuple[str, ...]:
    return domain_names([data.splits[split]], data.domain)


def require_validation(data: LabelledData, select_by: str) -> str | None:
    """Say which domains of training have no validation row, or too few for a choice to rest on.

    Returns ``None`` where nothing is to be said.

    Raises:
        BadDomains: models are to be chosen by domains, and one has no validation row.
    """
    if data.domain is None:
        return None
    counts = data.items("validation").domains()
    train = set(_present(data, "train"))
    absent = sorted(train - set(() if counts is None else counts.present))
    if not absent:
        return _few_to_choose_by(counts, select_by)
    listed = shown(f"`{name}`" for name in absent)
    if select_by != "overall":
        found = f"no validation row of {listed}, and --select-by {select_by}"
        fix = "add validation rows of these domains, hold them out with --held-out-domain, or leave "
        expected = "a validation row of every domain that is trained on"
        raise BadDomains(data.source, [(found, expected, f"{fix}--select-by out")])
    return f"no validation row of the domain {listed}: no choice of this run looks at it"


def _few_to_choose_by(domains: Domains | None, select_by: str) -> str | None:
    if domains is None or select_by == "overall":
        return None
    counts = dict(zip(domains.names, domains.counts.tolist(), strict=True))
    few = {name: number for name, number in counts.items() if 0 < number < FEW}
    if not few:
        return None
    listed = shown(f"`{name}` {number}" for name, number in few.items())
    return f"choices by {select_by} rest on few validation rows: {listed}"
