"""How far weights have moved, beside how large they were."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def relative_change(pairs: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]]) -> float:
    """Measure ``|after - before| / |before|`` over all arrays of a block, as one vector.

    Args:
        pairs: (before, after) of each array.

    Returns:
        0 where nothing moved; infinity where all weights were zero and some are not.

    Raises:
        ValueError: an array has another shape afterwards.

    Checked by: ``tests/evaluation/test_weight_change.py``.
    """
    moved = size = 0.0
    for before, after in pairs:
        if before.shape != after.shape:
            raise ValueError(f"weights of shape {before.shape} before and {after.shape} after")
        start = before.astype(np.float64)
        moved += float(((after - start) ** 2).sum())
        size += float((start**2).sum())
    if not moved:
        return 0.0
    return float(np.sqrt(moved / size)) if size else float("inf")
