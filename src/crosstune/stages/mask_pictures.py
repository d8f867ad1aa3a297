"""Masks for people: files with a palette beside the rows of ``predict``, and pictures for the report."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.files import replacing
from crosstune.reports.sheet import colours
from crosstune.stages.side_by_side import at_most, side_by_side

IGNORED = (255, 255, 255)
"""Colour of pixels that do not count."""


def palette(classes: Sequence[str]) -> list[int]:
    """Give 256 colours as Pillow takes them; numbers without a class are white."""
    shades = colours(list(classes))
    found = [shades[name] for name in classes] + [IGNORED] * (256 - len(classes))
    return [part for shade in found for part in shade]


def write_masks(masks: Sequence[NDArray[np.uint8]], names: Sequence[str], classes: Sequence[str]) -> None:
    """Write masks as PNG files of class numbers with a palette.

    Args:
        masks: ``(H, W)`` each.
        names: paths, one for each.
        classes: by number.
    """
    shades = palette(classes)
    for mask, name in zip(masks, names, strict=True):
        image = Image.fromarray(mask)
        image.putpalette(shades)
        with replacing(Path(name)) as temporary:
            image.save(temporary, "PNG")


def beside(
    picture: Image.Image, masks: Sequence[NDArray[np.uint8]], classes: Sequence[str], longest: int
) -> str:
    """Set a picture and masks of it side by side, as a ``data:`` address of a PNG file.

    Args:
        picture: upright.
        masks: of its size.
        classes: by number.
        longest: side of each part at most, in pixels.
    """
    small = at_most(picture, longest)
    parts = [small]
    for mask in masks:
        shown = Image.fromarray(mask)
        shown.putpalette(palette(classes))
        parts.append(shown.resize(small.size, Image.Resampling.NEAREST).convert("RGB"))
    return side_by_side(parts, "png")
