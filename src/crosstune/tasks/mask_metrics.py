"""Intersection over union of masks, and pixel accuracy. Shapes: N pictures, K classes.

Pixels are counted over all pictures before anything is divided, at the pictures' own sizes: the figures are
those of one confusion matrix over every counted pixel, of which they need the diagonal and the two sums.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks import sums
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.mask_boundaries import NAME as BOUNDARY
from crosstune.tasks.mask_boundaries import Boundaries, boundary_metric
from crosstune.tasks.mask_files import NOTHING, from_file

Floats = NDArray[np.float64]

MOST_FIGURES = 30
"""Classes that get figures of their own; with more, only those over all classes are given."""

KEPT = 20_000_000
"""Numbers that a :class:`Counter` keeps at most: 160 MB."""


class Counter:
    """Counts the pixels of pairs of masks, each pair once: every metric asks for the same counts."""

    def __init__(self, classes: int) -> None:
        """Know how many classes there are."""
        self.classes = classes
        self._known: dict[bytes, Floats] = {}

    def __call__(self, answers: NDArray[Any], truth: NDArray[Any]) -> Floats:
        """Count by picture and class what is right, answered, and there: ``(N, 3, K)``.

        Ignored pixels of the truth count nowhere. Cost: decodes each pair once.
        """
        rows = [self._pair(*pair) for pair in zip(answers.tolist(), truth.tolist(), strict=True)]
        return np.stack(rows) if rows else np.zeros((0, 3, self.classes))

    def _pair(self, ours: bytes, theirs: bytes) -> Floats:
        key = hashlib.blake2b(ours, digest_size=16, key=hashlib.blake2b(theirs).digest()).digest()
        if key not in self._known:
            if len(self._known) * 3 * self.classes > KEPT:
                self._known.clear()
            self._known[key] = counted(from_file(ours), from_file(theirs), self.classes)
        return self._known[key]


def counted(ours: NDArray[np.uint8], theirs: NDArray[np.uint8], classes: int) -> Floats:
    """Count for each class the pixels that are right, answered, and there, ``(3, K)``.

    Raises:
        ValueError: the masks differ in size.
    """
    if ours.shape != theirs.shape:
        raise ValueError(f"masks of {ours.shape} and {theirs.shape} pixels cannot be compared")
    inside = theirs != NOTHING
    found, there = ours[inside].astype(np.int64), theirs[inside].astype(np.int64)
    table = np.bincount(there * classes + found, minlength=classes * classes).reshape(classes, classes)
    return np.stack([np.diagonal(table), table.sum(axis=0), table.sum(axis=1)]).astype(np.float64)


def mask_metrics(
    classes: Sequence[str], counter: Counter, boundaries: Boundaries
) -> Mapping[str, MetricSpec]:
    """Give ``mean-iou`` first, then ``pixel-accuracy``, ``boundary-f1``, and of each class ``iou/CLASS``.

    The mean is over the classes that any mask or answer has; a class that is answered and nowhere there
    counts with 0. That is the convention of mmsegmentation and of ``evaluate``'s ``mean_iou``.

    Checked by: ``tests/tasks/test_mask_metrics.py``, against pixels counted one by one.
    """
    found = {
        "mean-iou": _spec("mean-iou", counter, partial(mean_iou, classes=len(classes))),
        "pixel-accuracy": _spec("pixel-accuracy", counter, partial(_accuracy, classes=len(classes))),
        BOUNDARY: boundary_metric(boundaries),
    }
    if len(classes) <= MOST_FIGURES:
        for place, name in enumerate(classes):
            figure = partial(_iou_of, place=place, classes=len(classes))
            found[f"iou/{name}"] = _spec(f"iou/{name}", counter, figure)
    return found


def ious(totals: Floats, classes: int) -> Floats:
    """Give the IoU of each class, NaN where it occurs nowhere: ``(R, 3 K)`` to ``(R, K)``."""
    right, found, there = np.split(totals, [classes, 2 * classes], axis=1)
    union = found + there - right
    return np.divide(right, union, out=np.full_like(union, np.nan), where=union > 0)


def mean_iou(totals: Floats, classes: int) -> Floats:
    """Give the mean IoU over the classes that occur, 0 where none does: ``(R, 3 K)`` to ``(R,)``."""
    own = ious(totals, classes)
    present = ~np.isnan(own)
    pairs = np.stack([np.where(present, own, 0.0).sum(axis=1), present.sum(axis=1)], axis=1)
    return sums.ratio(pairs)


def _accuracy(totals: Floats, classes: int) -> Floats:
    right, _, there = np.split(totals, [classes, 2 * classes], axis=1)
    return sums.ratio(np.stack([right.sum(axis=1), there.sum(axis=1)], axis=1))


def _iou_of(totals: Floats, place: int, classes: int) -> Floats:
    return np.nan_to_num(ious(totals, classes)[:, place], nan=0.0)


def _spec(name: str, counter: Counter, figure: Callable[[Floats], Floats]) -> MetricSpec:
    return MetricSpec(
        name=name, higher_is_better=True, prepare=partial(_prepared, counter),
        reduce=partial(_reduced, figure), parts=_as_parts, from_sums=figure,
    )  # fmt: skip


def _prepared(counter: Counter, outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    table = counter(outputs, targets)
    return (table.reshape(len(table), -1),)


def _as_parts(table: Floats) -> Floats:
    return table


def _reduced(figure: Callable[[Floats], Floats], table: Floats) -> float:
    return float(figure(table.sum(axis=0, keepdims=True))[0])
