"""A class for each pixel of a picture, as the data has it: read when it is asked for."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class ClassMask(Protocol):
    """The mask of one picture. Implemented by ``data/masks/target.py``."""

    def pixels(self) -> NDArray[np.int64]:
        """Decode the mask to ``(H, W)`` values, of the size of the upright picture."""
        ...

    def name(self, value: int) -> str | None:
        """Name the class of a value; ``None`` where such pixels are neither learnt nor counted."""
        ...
