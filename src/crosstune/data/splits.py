"""Making the splits that the data does not bring: stratified, by group, the same for the same seed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from crosstune.core.labels import class_name
from crosstune.core.seeding import generator
from crosstune.data.boxes.target import classes_of
from crosstune.data.errors import BadSplit, TooFewRows
from crosstune.data.infer import WRITTEN
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import OUT_OF_DOMAIN, SPLITS, WHOLE
from crosstune.data.masks.target import classes_in
from crosstune.data.places import BOXES
from crosstune.data.store import values
from crosstune.data.stratify import cover, hold_out, hold_out_groups, quantile_bins, rarest
from crosstune.data.targets import as_number, is_missing, labels_of

TEST_SHARE, TEST_MOST = 0.2, 10_000
VALIDATION_SHARE, VALIDATION_LEAST, VALIDATION_MOST = 0.15, 50, 5_000


@dataclass(frozen=True)
class _Rows:
    """Rows that are still to be divided."""

    rows: list[int]
    """Numbers in the source split."""
    targets: list[Any]
    groups: list[Hashable] | None
    contents: list[Hashable] | None
    """What rows of equal, or nearly equal, content share."""
    domains: list[Hashable] | None = None

    def take(self, places: Sequence[int]) -> "_Rows":
        return _Rows(
            [self.rows[place] for place in places],
            [self.targets[place] for place in places],
            None if self.groups is None else [self.groups[place] for place in places],
            None if self.contents is None else [self.contents[place] for place in places],
            None if self.domains is None else [self.domains[place] for place in places],
        )


def make_splits(data: LabelledData, *, task: str, seed: int, group: str | None = None) -> LabelledData:
    """Return data that has train, validation and test; splits that are there already stay as they are.

    A missing test split is 20 % of the training rows (at most 10,000), a missing validation split then
    15 % (at most 5,000; at least 50 where that is no more than a quarter). Classes keep their proportions
    by largest remainder, and each keeps a row in train; a regression is stratified by tenths of its
    target, multi-label data by each row's rarest class. With a group column, whole groups move. Without
    one, rows of equal or nearly equal content stay together where the check has compared them. With a
    domain column the proportions hold within each domain, and each domain that has rows to spare has one in
    every split. Rows of held-out domains stay a split of their own.

    Args:
        data: after the check, so that no target is missing.
        task: its name.
        seed: with the order of the rows, fixes the result.
        group: overrides ``data.group``.

    Raises:
        BadSplit: there are splits, but no training split.
        TooFewRows: too few rows, or too few groups, for what is missing.

    Checked by: ``tests/data/test_splits.py``.
    """
    source = WHOLE if WHOLE in data.splits else "train"
    if source not in data.splits:
        raise BadSplit(
            f"`{data.source}` has no training split",
            found=", ".join(data.splits),
            expected="train, or data without splits",
            fix="add a training split, or name the data that holds it",
        )
    rest = _rows(data, source, group or data.group)
    chosen: dict[str, tuple[str, Sequence[int]]] = {
        name: (name, range(len(data.splits[name]))) for name in SPLITS[1:] if name in data.splits
    }
    notes = []
    for name in ("test", "validation"):
        if name not in chosen:
            before = len(rest.rows)
            held, rest = _divide(rest, name, task, seed, data)
            chosen[name] = (source, held.rows)
            notes.append(_note(name, len(held.rows), before, task, data, group or data.group))
    chosen["train"] = (source, rest.rows)
    if not notes:
        return data
    ordered = {name: chosen[name] for name in SPLITS}
    if OUT_OF_DOMAIN in data.splits:
        ordered[OUT_OF_DOMAIN] = (OUT_OF_DOMAIN, range(len(data.splits[OUT_OF_DOMAIN])))
    return data.with_rows(ordered, *notes)


def _rows(data: LabelledData, source: str, group: str | None) -> _Rows:
    dataset = data.splits[source]
    targets: list[Any] = values(dataset, data.target) if data.target else [None] * len(dataset)
    if data.places is not None and data.places.classes is not None:  # of masks, the classes in each
        targets = list(classes_in(targets, data.places.classes))
    elif data.places is not None and data.places.kind == BOXES:
        targets = list(classes_of(targets))
    return _Rows(
        list(range(len(dataset))),
        targets,
        None if group is None else _groups(values(dataset, group)),
        data.contents(source),
        None if data.domain is None else [class_name(value) for value in values(dataset, data.domain)],
    )


def _groups(found: Sequence[Any]) -> list[Hashable]:
    """Make every row without a group a group of its own."""
    return [("row", place) if is_missing(value) else value for place, value in enumerate(found)]


def wanted_size(name: str, rows: int) -> int:
    """Return how many of ``rows`` a split that is made should have."""
    if name == "test":
        return max(1, min(round(TEST_SHARE * rows), TEST_MOST))
    least = min(VALIDATION_LEAST, rows // 4)
    return max(1, min(max(round(VALIDATION_SHARE * rows), least), VALIDATION_MOST))


def _divide(rows: _Rows, name: str, task: str, seed: int, data: LabelledData) -> tuple[_Rows, _Rows]:
    """Hold out one split; returns it and what stays."""
    size = wanted_size(name, len(rows.rows))
    random = generator(seed, f"split {name}")
    strata = _strata(rows.targets, task) if rows.domains is None else _strata_by_domain(rows, task)
    if rows.groups is not None:
        held = hold_out_groups(strata, rows.groups, size, random)
    else:
        held = _hold_out_contents(rows, strata, size, random)
    held = _keep_every_class(held, rows.targets, rows.groups or rows.contents, task)
    if rows.domains is not None:
        left = 2 if name == "test" else 1  # validation wants some of each domain as well
        held = cover(held, rows.domains, _together(rows), _classes(rows.targets, task), keep=left)
    if not held or len(held) == len(rows.rows):
        raise _too_few(rows, name, data)
    outside = set(held)
    stay = [place for place in range(len(rows.rows)) if place not in outside]
    return rows.take(held), rows.take(stay)


def _strata_by_domain(rows: _Rows, task: str) -> list[Hashable]:
    """Pair each row's domain with its stratum within that domain."""
    assert rows.domains is not None  # noqa: S101 - the caller has looked
    places: dict[Hashable, list[int]] = {}
    for place, domain in enumerate(rows.domains):
        places.setdefault(domain, []).append(place)
    strata: list[Hashable] = [None] * len(rows.rows)
    for domain, inside in places.items():
        found = _strata([rows.targets[place] for place in inside], task)
        for place, stratum in zip(inside, found, strict=True):
            strata[place] = (domain, stratum)
    return strata


def _together(rows: _Rows) -> Sequence[Hashable]:
    """Give what must stay together the same key: groups, else contents, else every row its own."""
    keys = rows.groups or rows.contents or range(len(rows.rows))
    return [("row", place) if key == "" else key for place, key in enumerate(keys)]


def _without_classes(task: str) -> bool:
    return task.endswith("regression") or task in WRITTEN


def _classes(targets: Sequence[Any], task: str) -> list[tuple[str, ...]]:
    if _without_classes(task):
        return [()] * len(targets)
    return [() if is_missing(value) else labels_of(value) for value in targets]


def _strata(targets: Sequence[Any], task: str) -> list[Hashable]:
    if task.endswith("regression"):
        numbers = [as_number(value) or 0.0 for value in targets]
        return list(quantile_bins(numbers)) if len(numbers) >= 100 else [0] * len(numbers)
    if task in WRITTEN:
        return [0] * len(targets)
    if any(isinstance(value, list) for value in targets):
        return list(rarest([labels_of(value) if value is not None else () for value in targets]))
    return [None if is_missing(value) else labels_of(value)[0] for value in targets]


def _hold_out_contents(rows: _Rows, strata: Sequence[Hashable], size: int, random: Any) -> list[int]:  # noqa: ANN401
    """Hold out rows one by one, except that equal contents follow the first of them."""
    keys: Sequence[Hashable] = rows.contents or range(len(rows.rows))
    first: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        first.setdefault(("row", place) if key == "" else key, []).append(place)
    heads = [places[0] for places in first.values()]
    share = max(1, round(size * len(heads) / len(keys)))
    held = hold_out([strata[head] for head in heads], share, random)
    members = list(first.values())
    return sorted(place for index in held for place in members[index])


def _keep_every_class(
    held: list[int], targets: Sequence[Any], together: Sequence[Hashable] | None, task: str
) -> list[int]:
    """Give back rows (with all that must stay with them) until every class has a row in train.

    Needed only where strata are not classes: multi-label rows, and contents with two labels.
    """
    if _without_classes(task):
        return held
    outside = set(held)
    labels = [() if is_missing(value) else labels_of(value) for value in targets]
    safe = {name for place, names in enumerate(labels) if place not in outside for name in names}
    for place in held:
        if place in outside and any(name not in safe for name in labels[place]):
            key = together[place] if together else None
            alone = together is None or key == ""
            back = [place] if alone or together is None else [p for p in held if together[p] == key]
            outside -= set(back)
            safe |= {name for other in back for name in labels[other]}
    return [place for place in held if place in outside]


def _note(name: str, held: int, before: int, task: str, data: LabelledData, group: str | None) -> str:
    how = "in proportion to the target" if task.endswith("regression") else "in proportion to the classes"
    how = "at random" if task in WRITTEN else how
    how += f" of each `{data.domain}`" if data.domain else ""
    whole = f", whole values of `{group}` at a time" if group else ""
    return f"made the {name} split: {held:,} of {before:,} training rows, {how}{whole}"


def _too_few(rows: _Rows, name: str, data: LabelledData) -> TooFewRows:
    groups = None if rows.groups is None else len(set(rows.groups))
    return TooFewRows(
        f"`{data.source}` has too few rows to make a {name} split",
        found=f"{len(rows.rows)} rows" + ("" if groups is None else f" in {groups} groups"),
        expected="a row of each class left for training after rows are held out"
        + ("" if groups is None else ", with every group in one split"),
        fix=f"add rows, or give the {name} split yourself",
    )
