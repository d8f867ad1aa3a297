"""Which rows, of all splits, have the same content, and which have nearly the same.

Same: equal bytes, equal pixels (a JPEG saved again as PNG), or texts that differ only in case, width of
letters and white space. Nearly the same: candidates by dHash or MinHash, compared once more before they
count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.data.gate.inputs import Inputs, Origins
from crosstune.data.gate.rows import first_of
from crosstune.data.kinds.registry import kind_called
from crosstune.data.labelled import LabelledData
from crosstune.data.store import ORIGIN, values

CROWD, CROWD_SHARE = 20, 0.02
"""More rows than both that hang together as nearly equal are a pattern (forms), not copies. ASSUMED."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """The outcome; rows are numbered through all splits in their order."""

    starts: Mapping[str, int]
    """By split: the number of its first row."""
    same: NDArray[np.int64]
    """``(N,)``: for each row the first row of the same content; its own number where there is none."""
    near: NDArray[np.int64]
    """``(P, 2)``: pairs of rows, the smaller first, each the first of its content."""
    crowded: int
    """Rows whose likeness is a pattern, and counts for nothing."""
    skipped: int
    """Pairs that were not compared, because there were too many."""

    def labels(self) -> dict[str, NDArray[np.int32]]:
        """Give by split, for each row, a number that rows of the same or nearly the same content share."""
        _, found = _components(len(self.same), self.near)
        numbers = found[self.same].astype(np.int32)
        ends = [*list(self.starts.values())[1:], len(self.same)]
        return {
            split: numbers[start:end] for (split, start), end in zip(self.starts.items(), ends, strict=True)
        }


def find_alike(data: LabelledData, inputs: Mapping[str, Inputs], usable: NDArray[np.bool_]) -> Alike:
    """Compare all usable rows of all splits.

    Args:
        data: as read.
        inputs: by split, looked at with ``prints``.
        usable: ``(N,)``, rows that are not set aside.

    Cost: linear but for sorting; decodes again only pictures that seem to have a twin.
    Checked by: ``tests/data/gate/test_alike.py``.
    """
    starts = dict(
        zip(inputs, np.cumsum([0, *(len(found) for found in inputs.values())]).tolist(), strict=False)
    )
    keys = np.concatenate([found.digests().keys() for found in inputs.values()])
    keys[~usable] = np.arange(len(keys))[~usable]
    same = first_of(keys)
    rows = np.flatnonzero(usable & (same == np.arange(len(same))))
    fetch = _Fetch(data, data.inputs)
    twins, near, skipped = kind_called(data.modality).twins(inputs, rows, fetch)
    _, joined = _components(len(same), twins)
    same = first_of(joined[same])
    near = np.unique(np.sort(same[near], axis=1), axis=0)
    near, crowded = _without_crowds(near[near[:, 0] != near[:, 1]], len(same))
    return Alike(starts=starts, same=same, near=near, crowded=crowded, skipped=skipped)


def _components(count: int, pairs: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(pairs), np.int8)
    number, found = connected_components(
        coo_array((ones, (pairs[:, 0], pairs[:, 1])), (count, count)), directed=False
    )
    return int(number), np.asarray(found, np.int64)


def _without_crowds(near: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], int]:
    if not len(near):
        return near, 0
    _, found = _components(count, near)
    sizes = np.bincount(found)
    crowded = sizes[found[near[:, 0]]] > max(CROWD, CROWD_SHARE * count)
    return near[~crowded], len(np.unique(near[crowded]))


@dataclass(frozen=True)
class _Fetch:
    """Rows by their number through all splits."""

    data: LabelledData
    names: Sequence[str]
    """The columns that are given."""

    def __call__(self, rows: NDArray[np.int64]) -> list[tuple[object, ...]]:
        found: dict[int, tuple[object, ...]] = {}
        start = 0
        for dataset in self.data.splits.values():
            inside = rows[(rows >= start) & (rows < start + len(dataset))]
            if len(inside):
                part = dataset.select((inside - start).tolist())
                columns = [values(part, name) for name in self.names]
                found.update(zip(inside.tolist(), zip(*columns, strict=True), strict=True))
            start += len(dataset)
        return [found[row] for row in rows.tolist()]


def origins_in(data: LabelledData) -> Origins:
    """Return what gives file, or file and row, of rows numbered through all splits."""
    fetch = _Fetch(data, [ORIGIN])
    return lambda rows: [str(row[0]) for row in fetch(rows)]
