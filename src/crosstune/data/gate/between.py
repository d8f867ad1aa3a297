"""What can be wrong between rows: the same content, or the same group, twice; or with two answers."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.data.gate.alike import Alike, origins_in
from crosstune.data.gate.finding import MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.labelled import LabelledData
from crosstune.data.store import values
from crosstune.data.targets import as_number, is_missing, labels_of

APART = 0.5
"""Standard deviations by which two numbers for the same content differ to contradict each other. ASSUMED."""

Pairs = NDArray[np.int64]


def alike_findings(
    data: LabelledData, alike: Alike, targets: Mapping[str, Sequence[Any]], *, regression: bool
) -> list[Finding]:
    """Find equal and nearly equal rows in two splits (a warning) or in one (a note), and contradictions.

    Args:
        data: as read.
        alike: which rows are alike.
        targets: by split; empty where there is no target.
        regression: whether targets are numbers.
    """
    split_of = np.repeat(np.arange(len(alike.starts)), _lengths(alike))
    findings = []
    for one, other in combinations(range(len(alike.starts)), 2):
        findings += _across(data, alike, (one, other), _shared(alike, split_of, one, other), exact=True)
        near = alike.near[(split_of[alike.near] == (one, other)).all(axis=1)]
        findings += _across(data, alike, (one, other), near, exact=False)
    findings += _within(data, alike, _repeats(alike, split_of), exact=True)
    findings += _within(data, alike, alike.near[np.equal(*split_of[alike.near].T)], exact=False)
    if targets:
        flat = [value for found in targets.values() for value in found]
        again = np.flatnonzero(alike.same != np.arange(len(alike.same)))
        same = np.stack([alike.same[again], again], axis=1)
        for pairs, exact in ((same, True), (alike.near, False)):
            findings += _conflicts(data, pairs, flat, regression=regression, exact=exact)
    return findings


def _lengths(alike: Alike) -> list[int]:
    return [int(size) for size in np.diff([*alike.starts.values(), len(alike.same)])]


def _shared(alike: Alike, split_of: NDArray[np.int64], one: int, other: int) -> Pairs:
    """Pair every row of ``other`` with the first row of ``one`` that has its content."""
    inside = np.flatnonzero(split_of == one)
    contents, first = np.unique(alike.same[inside], return_index=True)
    rows = np.flatnonzero(split_of == other)
    place = np.searchsorted(contents, alike.same[rows])
    hit = (place < len(contents)) & (contents[np.minimum(place, len(contents) - 1)] == alike.same[rows])
    return np.stack([inside[first[place[hit]]], rows[hit]], axis=1)


def _repeats(alike: Alike, split_of: NDArray[np.int64]) -> Pairs:
    """Pair every repetition with the first row of its content in its own split."""
    keys = alike.same * len(alike.starts) + split_of
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    earlier = first[inverse]
    rows = np.flatnonzero(earlier < np.arange(len(keys)))
    return np.stack([earlier[rows], rows], axis=1)


def _items(data: LabelledData, pairs: Pairs) -> tuple[str, ...]:
    rows = np.unique(pairs[:MOST_ITEMS])
    names = dict(zip(rows.tolist(), origins_in(data)(rows), strict=True))
    return tuple(f"{names[left]} = {names[right]}" for left, right in pairs[:MOST_ITEMS].tolist())


def _across(
    data: LabelledData, alike: Alike, splits: tuple[int, int], pairs: Pairs, *, exact: bool
) -> list[Finding]:
    if not len(pairs):
        return []
    one, other = (list(alike.starts)[place] for place in splits)
    items = _items(data, pairs)
    count = len(np.unique(pairs[:, 1]))
    like = "exactly" if exact else "nearly"
    fix = f"remove them from {one} or {other}: figures on {other} are too good as they are"
    return [
        Finding(
            severity=WARNING,
            code="duplicates-across-splits" if exact else "near-duplicates-across-splits",
            sentence=f"{count:,} rows of {other} have {like} the content of a row of {one}, such as "
            f"{shown(items[:3])}",
            fix=fix if exact else f"look at them; where they are copies, {fix}",
            items=items,
        )
    ]


def _within(data: LabelledData, alike: Alike, pairs: Pairs, *, exact: bool) -> list[Finding]:
    if not len(pairs) and (exact or not (alike.crowded or alike.skipped)):
        return []
    names, starts = list(alike.starts), list(alike.starts.values())
    counts = np.bincount(
        np.searchsorted(starts, np.unique(pairs[:, 1]), side="right") - 1, minlength=len(names)
    )
    listed = shown(
        f"{count:,} in {name}" for name, count in zip(names, counts.tolist(), strict=True) if count
    )
    how = "repeat the exact content of" if exact else "have nearly the content of"
    sentence = f"rows that {how} an earlier row: {listed or 'none'}"
    if not exact and alike.crowded:
        sentence += f"; {alike.crowded:,} rows are alike in crowds, as forms are, and count as different"
    if not exact and alike.skipped:
        sentence += f"; {alike.skipped:,} further pairs that may be alike were not compared"
    return [
        Finding(
            severity=NOTE,
            code="duplicates" if exact else "near-duplicates",
            sentence=sentence,
            fix="nothing: splits that are made keep them together; remove them if they are a mistake",
            items=_items(data, pairs),
        )
    ]


def _conflicts(
    data: LabelledData, pairs: Pairs, targets: Sequence[Any], *, regression: bool, exact: bool
) -> list[Finding]:
    if regression and not exact:
        return []  # nearly the same thing may well be worth a little more
    scale = _scale(targets) if regression else 0.0
    against = [_differ(targets[left], targets[right], scale) for left, right in pairs.tolist()]
    wrong = pairs[np.array(against, np.bool_)]
    if not len(wrong):
        return []
    rows = np.unique(wrong[:MOST_ITEMS])
    names = dict(zip(rows.tolist(), origins_in(data)(rows), strict=True))
    items = tuple(
        f"{names[left]} ({_told(targets[left])}) = {names[right]} ({_told(targets[right])})"
        for left, right in wrong[:MOST_ITEMS].tolist()
    )
    what = "the same" if exact else "nearly the same"
    return [
        Finding(
            severity=WARNING if exact else NOTE,
            code="conflicting-targets",
            sentence=f"{len(wrong):,} rows have {what} content as another row and another target: "
            f"{shown(items, most=3)}",
            fix="correct the targets; at most one of each pair can be learnt",
            items=items,
        )
    ]


def _scale(targets: Sequence[Any]) -> float:
    numbers = [
        number for value in targets if (number := as_number(value)) is not None and np.isfinite(number)
    ]
    return APART * float(np.std(numbers)) if numbers else 0.0


def _differ(one: Any, other: Any, scale: float) -> bool:  # noqa: ANN401 - raw targets
    if is_missing(one) or is_missing(other):
        return False
    if scale:
        left, right = as_number(one), as_number(other)
        return left is not None and right is not None and abs(left - right) > scale
    return set(labels_of(one)) != set(labels_of(other))


def _told(target: Any) -> str:  # noqa: ANN401 - a raw target
    return str(target)[:40]


def group_findings(data: LabelledData) -> list[Finding]:
    """Find groups (patients, speakers, documents) that fall into two splits."""
    if data.group is None:
        return []
    groups = {
        split: {str(value) for value in values(found, data.group)} for split, found in data.splits.items()
    }
    findings = []
    for one, other in combinations(groups, 2):
        shared = sorted(groups[one] & groups[other])
        if shared:
            findings.append(
                Finding(
                    severity=WARNING,
                    code="group-across-splits",
                    sentence=f"{len(shared):,} values of `{data.group}` are in both {one} and {other}: "
                    f"{shown(shared, most=5)}",
                    fix="move each group to one split, or give data without splits: they are made by group",
                )
            )
    return findings
