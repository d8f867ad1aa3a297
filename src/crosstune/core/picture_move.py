"""How one picture was changed for training, as far as places in it moved."""

from collections.abc import Callable
from dataclasses import dataclass

Window = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


@dataclass(frozen=True)
class PictureMove:
    """Mirroring first, then a window of what is there."""

    mirrored: bool = False
    """Whether left became right."""
    window: Window | None = None
    """What was cut out; ``None`` keeps the whole picture."""


Mover = Callable[[tuple[int, int]], PictureMove]
"""From width and height of a picture to how it is moved."""
