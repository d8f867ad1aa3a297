"""Which found box belongs to which true one, picture by picture, as COCO's own evaluation decides it.

Shapes: A ranges of area, T thresholds, n found boxes, m true boxes.

Source: ``COCOeval.evaluateImg`` of pycocotools 2.0 (Lin et al. 2014, arXiv:1405.0312).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.overlaps import areas, overlaps
from crosstune.tasks.box_rows import BoxRows

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
"""Overlaps from which on a found box may be a true one, ``(T,)``."""

RANGES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Areas in pixels of the picture, both ends included."""

MOST = 100
"""Found boxes of one picture and class that count, the surest first."""

_LIMITS: Floats = np.minimum(THRESHOLDS, 1 - 1e-10)
_ENDS: Floats = np.array(list(RANGES.values()))


@dataclass(frozen=True, eq=False)
class Matched:
    """What became of the boxes of one picture."""

    scores: Floats
    """``(n,)``, falling within each class."""
    classes: NDArray[np.int64]
    """``(n,)``."""
    right: Flags
    """``(A, T, n)``: has a true box of its own."""
    ignored: Flags
    """``(A, T, n)``: counts neither way, because it lies on a true box that does not count, or is outside the
    range and on none. All others are wrong."""
    true_classes: NDArray[np.int64]
    """``(m,)``."""
    counted: Flags
    """``(A, m)``: the true boxes that have to be found."""


def match(found: BoxRows, truth: BoxRows) -> Matched:
    """Give each found box of a picture, the surest first, the free true box that it overlaps most.

    Only boxes of one class are compared. A true box whose value is 0 is COCO's ``iscrowd``: it may be taken
    by many, its overlap is the share of the found box that lies in it, and who takes it does not count. Areas
    of true boxes are those of the boxes; COCO's own files give those of the shapes inside.

    Args:
        found: with scores.
        truth: with 1, or 0 where the object is ignored.

    Raises:
        ValueError: they are of pictures of different sizes.

    Cost: O(n m), and 30 us for each found box that overlaps a true one by half.
    Checked by: ``tests/tasks/test_box_metrics.py``, against pycocotools.
    """
    if found.size != truth.size:
        raise ValueError(f"boxes of pictures of {found.size} and {truth.size} pixels cannot be compared")
    crowd = truth.values == 0
    counted = _within(areas(truth.boxes)) & ~crowd
    parts = []
    for number in np.unique(found.classes):
        own = np.flatnonzero(found.classes == number)
        chosen = found.only(own[np.argsort(-found.values[own], kind="stable")[:MOST]])
        same = truth.classes == number
        parts.append((chosen, *_taken(chosen.boxes, truth.boxes[same], crowd[same], counted[:, same])))
    shape = (len(RANGES), len(THRESHOLDS), 0)
    return Matched(
        scores=np.concatenate([np.zeros(0), *(chosen.values for chosen, _, _ in parts)]),
        classes=np.concatenate([np.zeros(0, np.int64), *(chosen.classes for chosen, _, _ in parts)]),
        right=np.concatenate([np.zeros(shape, bool), *(right for _, right, _ in parts)], axis=2),
        ignored=np.concatenate([np.zeros(shape, bool), *(ignored for _, _, ignored in parts)], axis=2),
        true_classes=truth.classes,
        counted=counted,
    )


def _taken(found: Floats, true: Floats, crowd: Flags, counted: Flags) -> tuple[Flags, Flags]:
    """Let the found boxes of one class choose in order; gives what is right and ignored, ``(A, T, n)``."""
    right = np.zeros((len(RANGES), len(THRESHOLDS), len(found)), bool)
    ignored = np.zeros_like(right)
    gone = np.zeros((len(RANGES), len(THRESHOLDS), len(true)), bool)
    overlap = overlaps(found, true, crowd)
    for place in np.flatnonzero((overlap >= _LIMITS[0]).any(axis=1)):
        free = (overlap[place] >= _LIMITS[:, None]) & ~(gone & ~crowd)
        worthy = free & counted[:, None]
        right[..., place] = worthy.any(axis=2)
        ignored[..., place] = free.any(axis=2) & ~right[..., place]
        choice = _last_of_the_best(overlap[place], np.where(right[..., place, None], worthy, free))
        some = right[..., place] | ignored[..., place]
        gone[(*np.nonzero(some), choice[some])] = True
    outside = ~_within(areas(found))[:, None]
    return right, ignored | (outside & ~right)


def _last_of_the_best(overlap: Floats, allowed: Flags) -> NDArray[Any]:
    """Give of ``(A, T, m)`` the place of the largest, of equals the last, as pycocotools has it."""
    among = np.where(allowed, overlap, -1.0)
    return np.asarray(among.shape[-1] - 1 - np.argmax(among[..., ::-1], axis=-1))


def _within(sizes: Floats) -> Flags:
    """Say which areas each range holds, ``(A, n)``."""
    return np.asarray((sizes >= _ENDS[:, :1]) & (sizes <= _ENDS[:, 1:]))
