"""Objects with a box each in a picture, as the data has them."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class PlacedObjects(Protocol):
    """The objects of one picture, none of them twice. Implemented by ``data/boxes/target.py``."""

    def size(self) -> tuple[float, float]:
        """Give width and height of the upright picture in pixels."""
        ...

    def boxes(self) -> NDArray[np.float64]:
        """Give left, top, right, bottom in pixels, ``(n, 4)``; n may be 0."""
        ...

    def labels(self) -> Sequence[str]:
        """Name the class of each object."""
        ...

    def ignored(self) -> NDArray[np.bool_]:
        """Say which objects are neither learnt nor counted, ``(n,)``."""
        ...
