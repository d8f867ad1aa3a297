"""The two sets of a gap: read, sampled, looked at. Labels are welcome and not needed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets

from crosstune.core.errors import BadValue
from crosstune.core.gap import GapSet
from crosstune.core.seeding import generator
from crosstune.data.check import check
from crosstune.data.errors import AmbiguousColumn, MissingColumn, TooFewRows
from crosstune.data.items import SplitItems
from crosstune.data.labelled import ORIGIN, PROBLEM, LabelledData
from crosstune.data.layout import WHOLE
from crosstune.data.read import read
from crosstune.data.store import values
from crosstune.data.targets import as_number, is_missing

LEAST = 20
"""ASSUMED: usable rows that a set needs; with fewer no rule can be learnt and judged."""

BINS, DISTINCT = 5, 20
"""Numbers of more than ``DISTINCT`` values become ``BINS`` labels, divided at the quantiles of both sets.
ASSUMED."""


@dataclass(frozen=True, kw_only=True)
class ReadSet:
    """One set, sampled and checked."""

    about: GapSet
    items: SplitItems
    facts: dict[str, float]
    """Sizes, as ``CheckReport.facts`` has them."""
    groups: list[Any] | None
    """The group of each row; ``None`` where the set has no such column."""
    targets: list[Any] | None
    """The raw target of each row; ``None`` where the set has none."""


def read_sets(
    sources: Sequence[Any],
    *,
    target: str | None,
    inputs: Sequence[str],
    group: str | None,
    rows: int,
    seed: int,
) -> list[ReadSet]:
    """Read both sets; rows that cannot be used are set aside and counted.

    Args:
        sources: of both, whatever a reader takes.
        target: the column of labels, where it has another name than is usual; one set may lack it.
        inputs: the columns to look at; both sets must have them.
        group: a column of rows that belong together; one set may lack it.
        rows: of each set that are looked at, at most, drawn from all of its splits.
        seed: of the draw.

    Raises:
        MissingColumn: neither set has the target or the group.
        BadValue: one set holds pictures and the other texts, or single texts and pairs.
        TooFewRows: a set has fewer than 20 usable rows.

    Cost: decodes the sampled rows once.
    """
    read_ones = [_read(source, target, inputs, group) for source in sources]
    for name, flag, there in (
        (target, "--target", [data.target for data, _ in read_ones]),
        (group, "--group", [found for _, found in read_ones]),
    ):
        if name is not None and not any(there):
            data = read_ones[0][0]
            columns = next(iter(data.splits.values())).column_names
            shown = [column for column in columns if column not in (ORIGIN, PROBLEM)]
            raise MissingColumn(name, flag=flag, source=data.source, columns=shown)
    _require_alike([data for data, _ in read_ones])
    return [
        _looked_at(data, group if found else None, rows, seed, place)
        for place, (data, found) in enumerate(read_ones)
    ]


def labels_of_sets(sets: Sequence[ReadSet]) -> tuple[np.ndarray[Any, np.dtype[np.int64]] | None, str]:
    """Number the labels of all rows, -1 where a row has none, and say what was made of them.

    Returns ``None`` and a reason where a set has no labels, or where they are lists.
    """
    lacking = [one.about.name for one in sets if one.targets is None]
    if lacking:
        return None, f"no dataset distance: {' and '.join(lacking)} has no labels"
    raw = [value for one in sets for value in one.targets or ()]
    known = np.array([not is_missing(value) for value in raw], np.bool_)
    held = [value for value, there in zip(raw, known, strict=True) if there]
    if any(isinstance(value, list | tuple) for value in held):
        return None, "no dataset distance: the labels are lists"
    numbers = [as_number(value) for value in held]
    found = np.full(len(raw), -1, np.int64)
    if None not in numbers and len(set(numbers)) > DISTINCT:
        edges = np.quantile(np.array(numbers, np.float64), np.arange(1, BINS) / BINS)
        found[known] = np.searchsorted(edges, np.array(numbers, np.float64), side="right")
        return found, f"for the dataset distance, numbers became {BINS} labels, divided at the quantiles"
    found[known] = np.unique([str(value) for value in held], return_inverse=True)[1]
    return found, ""


def _read(
    source: Any,  # noqa: ANN401
    target: str | None,
    inputs: Sequence[str],
    group: str | None,
) -> tuple[LabelledData, bool]:
    """Read one set with its target and group where it has them; says whether it has the group."""
    if group is not None:
        try:
            return _with_target(source, target, inputs, group), True
        except MissingColumn as error:
            if f"`{group}`" not in error.problem:
                raise
    return _with_target(source, target, inputs, None), False


def _with_target(
    source: Any,  # noqa: ANN401
    target: str | None,
    inputs: Sequence[str],
    group: str | None,
) -> LabelledData:
    if target is None:
        try:
            return read(source, inputs=inputs, group=group)
        except AmbiguousColumn:  # no column is named as a target, so the set counts as unlabelled
            return read(source, inputs=inputs, group=group, need_target=False)
    return read(source, target=target, inputs=inputs, group=group, need_target=False)


def _require_alike(found: Sequence[LabelledData]) -> None:
    kinds = [f"{'pairs of ' if len(data.inputs) > 1 else ''}{data.modality}s" for data in found]
    if len(set(kinds)) > 1:
        raise BadValue(
            "there is no gap between different kinds of inputs",
            found="; ".join(f"{kind} in `{data.source}`" for kind, data in zip(kinds, found, strict=True)),
            expected="pictures in both sets, or texts in both, or pairs of texts in both",
            fix="name two sets of one kind, or the right columns with --inputs",
        )


def _looked_at(data: LabelledData, group: str | None, rows: int, seed: int, place: int) -> ReadSet:
    """Draw rows, check them, and keep those that can be used."""
    total = data.rows()
    chosen = np.sort(generator(seed, "gap sample", place).permutation(total)[:rows])
    whole = _pooled(data, chosen, (data.target, group))
    report = check(replace(data, splits={WHOLE: whole}, target=None, group=None, digests={}, alike={}))
    clean = report.clean()
    kept = len(clean.splits.get(WHOLE, ()))
    if kept < LEAST:
        raise TooFewRows(
            f"`{data.source}` has too few rows for a gap",
            found=f"{kept} usable rows of {total:,}",
            expected=f"at least {LEAST}",
            fix="give more rows, or correct those that cannot be read: see `crosstune check`",
        )
    used = clean.splits[WHOLE]
    about = GapSet(name=data.source, rows=total, sampled=kept, set_aside=len(report.bad))
    return ReadSet(
        about=about,
        items=clean.items(WHOLE),
        facts=dict(report.facts),
        groups=None if group is None else values(used, group),
        targets=values(used, data.target) if data.target and data.target in used.column_names else None,
    )


def _pooled(data: LabelledData, chosen: Any, more: Sequence[str | None]) -> Dataset:  # noqa: ANN401
    """Put the chosen rows of all splits into one table; columns that a split lacks are left out."""
    parts, start = [], 0
    for dataset in data.splits.values():
        inside = chosen[(chosen >= start) & (chosen < start + len(dataset))] - start
        parts.append(dataset.select(inside.tolist()))
        start += len(dataset)
    wanted = [*data.inputs, ORIGIN, PROBLEM, *(name for name in more if name)]
    shared = [name for name in wanted if all(name in part.column_names for part in parts)]
    if len(parts) == 1:
        return parts[0].select_columns(shared)
    kept = [part.select_columns(shared) for part in parts if len(part)]
    return concatenate_datasets([part.cast(kept[0].features) for part in kept])
