"""Average precision of boxes as COCO has it, and how unlike two sets of boxes are.

Shapes: N pictures, K classes.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.overlaps import overlaps
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.box_matching import Matched, match
from crosstune.tasks.box_rows import BoxRows, unpacked
from crosstune.tasks.box_table import ByClass, Table, mean_of_known

MOST_FIGURES = 30
"""Classes that get figures of their own; with more, only those over all classes are given."""

KEPT = 500_000
"""Boxes whose partners a :class:`Judge` keeps at most: 50 MB."""

TABLES = 4
"""Sets of answers whose boxes a :class:`Judge` keeps in order."""

PARTNER = 0.5
"""Overlap from which on two boxes are of one object."""


class Judge:
    """Finds the partners of boxes, of each picture once: every metric asks for the same ones."""

    def __init__(self, classes: int) -> None:
        """Know how many classes there are."""
        self.classes = classes
        self._known: dict[bytes, Matched] = {}
        self._boxes = 0
        self._tables: dict[bytes, Table] = {}

    def __call__(self, answers: NDArray[Any], truth: NDArray[Any]) -> Table:
        """Give the matched boxes of N pictures in the order of their scores.

        Args:
            answers: packed :class:`BoxRows` with scores, ``(N,)``.
            truth: packed :class:`BoxRows`, ``(N,)``.

        Raises:
            ValueError: they differ in length, or an answer is of a picture of another size.
        """
        key = _digest(*(f"{some.dtype}{some.shape}".encode() + some.tobytes() for some in (answers, truth)))
        if key not in self._tables:
            matched = [self._pair(*pair) for pair in zip(answers.tolist(), truth.tolist(), strict=True)]
            while len(self._tables) >= TABLES:
                del self._tables[next(iter(self._tables))]
            self._tables[key] = Table(matched, self.classes)
        return self._tables[key]

    def _pair(self, ours: bytes, theirs: bytes) -> Matched:
        key = _digest(ours, theirs)
        if key not in self._known:
            matched = match(unpacked(ours), unpacked(theirs))
            self._boxes += len(matched.scores) + len(matched.true_classes)
            if self._boxes > KEPT:
                self._known.clear()
                self._boxes = 0
            self._known[key] = matched
        return self._known[key]


def box_metrics(classes: Sequence[str], judge: Judge) -> Mapping[str, MetricSpec]:
    """Give ``map`` first, then at single overlaps, by size, ``recall-100``, and ``ap/CLASS`` for each class.

    All are those of COCO: means over the classes that have a true box, precision read at 101 recalls, ten
    overlaps from 0.5 to 0.95, at most 100 found boxes of a picture and class. A figure without any true box,
    as of a size that no object has, is NaN; COCO's own tool writes -1.

    A resample of pictures is only counted: ``prepare`` gives the numbers of the rows, and beside each the
    one table of all boxes, in which ``reduce`` counts each picture as often as it was drawn. The figures
    follow from no sums over rows, as precision depends on the order of all boxes.

    Checked by: ``tests/tasks/test_box_metrics.py``, against pycocotools, whole and resampled.
    """
    found = {
        "map": _spec("map", judge, "all", _mean),
        "map-50": _spec("map-50", judge, "all", _at_50),
        "map-75": _spec("map-75", judge, "all", _at_75),
        **{f"map-{area}": _spec(f"map-{area}", judge, area, _mean) for area in ("small", "medium", "large")},
        "recall-100": _spec("recall-100", judge, "all", _recall),
    }
    if len(classes) <= MOST_FIGURES:
        for place, name in enumerate(classes):
            found[f"ap/{name}"] = _spec(f"ap/{name}", judge, "all", partial(_of_class, place))
    return found


def mismatch(shown: BoxRows, truth: BoxRows) -> float:
    """Give the share of boxes without a partner (IoU 0.5, same class), the surest choosing first.

    Ignored true boxes, and found ones that lie on them by half, are not counted. 0 where there is no box.

    Checked by: ``tests/tasks/test_box_metrics.py``, by hand.
    """
    matched = match(shown, truth)  # the first threshold is that of partners
    right = int(matched.right[0, 0].sum())
    found = len(matched.scores) - int(matched.ignored[0, 0].sum())
    there = int(matched.counted[0].sum())
    return (found + there - 2 * right) / max(1, found + there)


def unlikeness(ours: BoxRows, theirs: BoxRows) -> float:
    """Give how far two answers for one picture lie apart: 0 is equal, 1 is without a common box.

    Each of our boxes, the surest first, takes the free one of theirs that is most like it among those of its
    class that overlap it by more than half. Such a pair costs the difference of its scores and what its
    overlap lacks, weighted by its larger score; a box without a partner costs its own score. So a box at the
    edge of being given at all hardly counts, and rounding moves the figure by as little as it moves boxes.

    Args:
        ours: with scores.
        theirs: with scores.

    Checked by: ``tests/tasks/test_box_metrics.py``, by hand and with rounded boxes.
    """
    shared = np.where(ours.classes[:, None] == theirs.classes, overlaps(ours.boxes, theirs.boxes), 0.0)
    apart = np.abs(ours.values[:, None] - theirs.values) + 1 - shared
    apart[shared <= PARTNER] = np.inf
    cost = whole = 0.0
    left = np.ones(len(theirs), bool)
    for place in np.argsort(-ours.values, kind="stable"):
        among = np.where(left, apart[place], np.inf)
        partner = int(np.argmin(among)) if len(among) else 0
        weight = float(ours.values[place])
        if len(among) and np.isfinite(among[partner]):
            left[partner] = False
            weight = max(weight, float(theirs.values[partner]))
            cost += weight * min(1.0, float(among[partner]))
        else:
            cost += weight
        whole += weight
    alone = float(theirs.values[left].sum())
    return (cost + alone) / (whole + alone) if whole + alone > 0 else 0.0


def _spec(name: str, judge: Judge, area: str, figure: Callable[[ByClass], float]) -> MetricSpec:
    return MetricSpec(
        name=name,
        higher_is_better=True,
        prepare=partial(_prepared, judge),
        reduce=partial(_reduced, area, figure),
    )


def _prepared(judge: Judge, outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    return np.arange(len(targets)), np.full(len(targets), judge(outputs, targets), dtype=object)


def _reduced(
    area: str, figure: Callable[[ByClass], float], rows: NDArray[Any], tables: NDArray[Any]
) -> float:
    return figure(tables[0].by_class(rows, area)) if len(rows) else float("nan")


def _mean(one: ByClass) -> float:
    return mean_of_known(one.mean)


def _at_50(one: ByClass) -> float:
    return mean_of_known(one.at_50)


def _at_75(one: ByClass) -> float:
    return mean_of_known(one.at_75)


def _recall(one: ByClass) -> float:
    return mean_of_known(one.recall)


def _of_class(place: int, one: ByClass) -> float:
    return float(one.mean[place])


def _digest(ours: bytes, theirs: bytes) -> bytes:
    return hashlib.blake2b(ours, digest_size=16, key=hashlib.blake2b(theirs).digest()).digest()
