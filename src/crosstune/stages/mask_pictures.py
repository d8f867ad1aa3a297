"""Masks for people: files with a palette beside the rows of ``predict``, and pictures for the report."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.files import replacing
from crosstune.reports.sheet import colours

GAP = 4
"""Pixels between the parts of a picture."""

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
    scale = min(1.0, longest / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    parts = [picture.convert("RGB").resize(size, Image.Resampling.BILINEAR)]
    for mask in masks:
        shown = Image.fromarray(mask)
        shown.putpalette(palette(classes))
        parts.append(shown.resize(size, Image.Resampling.NEAREST).convert("RGB"))
    sheet = Image.new("RGB", (len(parts) * (size[0] + GAP) - GAP, size[1]), "white")
    for place, part in enumerate(parts):
        sheet.paste(part, (place * (size[0] + GAP), 0))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
