"""Masks as small files: an encoded target, and an answer, is a PNG file of class numbers.

Masks differ in size, so that an array cannot hold them as pixels; a PNG of few classes has a hundredth of
their bytes, is what ``predict`` writes, and never ends in a zero byte, which numpy's ``S`` arrays would drop.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.picture_move import PictureMove

NOTHING = 255
"""Number of pixels that are neither learnt nor counted."""

MOST_CLASSES = NOTHING
"""Classes that a mask can have: numbers 0 to 254."""

Numbers = NDArray[np.uint8]
"""``(H, W)``."""


def as_file(numbers: Numbers) -> bytes:
    """Write the class numbers of a mask as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(numbers).save(buffer, "PNG")
    return buffer.getvalue()


def from_file(content: bytes) -> Numbers:
    """Read what :func:`as_file` wrote."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        return np.asarray(image)


def as_array(files: Sequence[bytes]) -> NDArray[Any]:
    """Put files into one array ``(N,)``, as wide as the longest."""
    return np.array(list(files), dtype=np.bytes_)


def at_side(numbers: Numbers, side: int) -> Numbers:
    """Resize a mask to ``(side, side)``: every pixel takes the class of the nearest one."""
    if numbers.shape == (side, side):
        return numbers
    return np.asarray(Image.fromarray(numbers).resize((side, side), Image.Resampling.NEAREST))


def moved(numbers: Numbers, move: PictureMove) -> Numbers:
    """Mirror and cut a mask as its picture is."""
    found = numbers[:, ::-1] if move.mirrored else numbers
    if move.window is not None:
        left, top, width, height = move.window
        found = found[top : top + height, left : left + width]
    return np.ascontiguousarray(found)
