"""Decoding one mask: class numbers of every pixel, whatever kind of file they stand in."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.data.images import ImageProblem, check_size, read_bytes
from crosstune.data.masks.classes import MaskClasses

FORMATS = ("PNG", "BMP", "TIFF", "GIF")
"""Formats that keep every value; JPEG does not, and masks in it are refused."""

UNKNOWN = -1
"""The value of a pixel whose colour no class has."""

Values = NDArray[np.int64]


def mask_values(cell: Mapping[str, Any] | None, classes: MaskClasses) -> Values:
    """Decode a mask to ``(H, W)`` values: grey levels, places in a palette, or the numbers of colours.

    Raises:
        ImageProblem: missing, broken, in a format that loses values, in colours that nothing explains.

    Checked by: ``tests/data/masks/test_pixels.py``.
    """
    content = read_bytes(cell)
    if content[:3] == b"\xff\xd8\xff":
        raise ImageProblem("unreadable-mask", "a JPEG file: its compression changes the values of pixels")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        check_size(image)
        image.load()
    except ImageProblem:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow raises whatever broken files make it raise
        raise ImageProblem("unreadable-mask", " ".join(str(error).split())[:160]) from None
    if classes.colours:
        return _from_colours(np.asarray(image.convert("RGB")), classes)
    if image.mode in {"RGB", "RGBA"}:
        pixels = np.asarray(image)[..., :3]
        if (pixels != pixels[..., :1]).any():
            raise ImageProblem("unreadable-mask", "colours, and no classes.txt that says what they mean")
        return pixels[..., 0].astype(np.int64)
    if image.mode not in {"1", "L", "P"} and not image.mode.startswith("I"):
        raise ImageProblem("unreadable-mask", f"pixels of the kind {image.mode}")
    return np.asarray(image).astype(np.int64)


def _from_colours(pixels: NDArray[np.uint8], classes: MaskClasses) -> Values:
    def packed(red: Any, green: Any, blue: Any) -> Any:  # noqa: ANN401 - numbers or arrays of them
        return (red << 16) | (green << 8) | blue

    wide = pixels.astype(np.int64)
    keys = packed(wide[..., 0], wide[..., 1], wide[..., 2])
    known = sorted((packed(*colour), value) for colour, value in classes.colours.items())
    colours, values = np.array(known).T
    places = np.minimum(np.searchsorted(colours, keys), len(colours) - 1)
    found: Values = np.where(colours[places] == keys, values[places], UNKNOWN)
    return found
