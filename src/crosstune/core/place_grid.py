"""Where the places of a detector stand whose every place answers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def place_grid(levels: Sequence[int]) -> NDArray[np.float32]:
    """Give middle and width of every place of square maps, as shares of the side of the picture.

    Args:
        levels: places in a row of each map.

    Returns:
        ``(P, 3)``: x, y, width of the cell around it; the maps after one another, each row by row.
    """
    found = []
    for side in levels:
        middles = (np.arange(side) + 0.5) / side
        y, x = np.meshgrid(middles, middles, indexing="ij")
        found.append(np.stack([x.ravel(), y.ravel(), np.full(side * side, 1.0 / side)], axis=1))
    return np.concatenate(found).astype(np.float32)
