"""How far boxes overlap. Boxes are left, top, right, bottom."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def areas(boxes: Floats) -> Floats:
    """Give the areas of ``(n, 4)`` boxes, 0 where they are turned inside out."""
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1))


def overlaps(one: Floats, other: Floats, over_one: NDArray[np.bool_] | None = None) -> Floats:
    """Return the intersection over union of ``(n, 4)`` and ``(m, 4)`` boxes, ``(n, m)``; 0 without area.

    Args:
        one: n boxes.
        other: m boxes.
        over_one: ``(m,)``: where true, the intersection is taken over the area of the box of ``one`` alone,
            as COCO does with crowds.
    """
    first = np.maximum(one[:, None, :2], other[None, :, :2])
    last = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(last - first, 0, None).prod(axis=2)
    own = areas(one)[:, None]
    whole = own + areas(other)[None] - shared
    if over_one is not None:
        whole = np.where(over_one, own, whole)
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0))
