"""Small pictures in one row, for the report."""

import base64
import io
from collections.abc import Sequence
from typing import Literal

from PIL import Image

GAP = 4
"""Pixels between the parts of a picture."""


def at_most(picture: Image.Image, longest: int) -> Image.Image:
    """Give a copy in RGB whose longer side has at most so many pixels."""
    scale = min(1.0, longest / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.BILINEAR)


def side_by_side(parts: Sequence[Image.Image], kind: Literal["png", "jpeg"]) -> str:
    """Set pictures of one size side by side, as a ``data:`` address; JPEG is smaller for photographs."""
    width, height = parts[0].size
    row = Image.new("RGB", (len(parts) * (width + GAP) - GAP, height), "white")
    for place, part in enumerate(parts):
        row.paste(part, (place * (width + GAP), 0))
    buffer = io.BytesIO()
    if kind == "png":
        row.save(buffer, "PNG")
    else:
        row.save(buffer, "JPEG", quality=85)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode()
