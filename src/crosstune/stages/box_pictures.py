"""Boxes for people: pictures with the boxes that were found drawn on, and pairs for the report."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from crosstune.reports.sheet import colours, outline
from crosstune.reports.text import shortened
from crosstune.stages.side_by_side import at_most, side_by_side
from crosstune.tasks.box_rows import BoxRows

ONE_TO_ONE = 500
"""ASSUMED: longer side, in pixels, from which on lines and letters grow with the picture."""

LETTERS = 13
"""Of the name of a class, so that the score behind it has room."""


def with_boxes(picture: Image.Image, boxes: BoxRows, classes: Sequence[str], *, scores: bool) -> Image.Image:
    """Draw boxes on a copy of a picture, the surest on top.

    Args:
        picture: of any size; boxes are scaled to it.
        boxes: in pixels of their own picture.
        classes: by number.
        scores: whether values are scores, which are written; else 0 says that an object is ignored.
    """
    drawn = picture.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    shades = colours(classes)
    scale = max(1.0, max(drawn.size) / ONE_TO_ONE)
    sides = np.tile(np.array(drawn.size) / np.array(boxes.size), 2)
    for place in reversed(range(len(boxes))):
        name, value = classes[boxes.classes[place]], float(boxes.values[place])
        remark = f" {value:.2f}" if scores else "" if value else " (ignored)"
        corners = (boxes.boxes[place] * sides).tolist()
        outline(pen, corners, shortened(name, LETTERS) + remark, shades[name], scale)
    return drawn


def beside(picture: Image.Image, truth: BoxRows, found: BoxRows, classes: Sequence[str], longest: int) -> str:
    """Set a picture with its true boxes beside the same with those that were found, as a ``data:`` address.

    Args:
        picture: upright.
        truth: with 1, or 0 where the object is ignored.
        found: with scores.
        classes: by number.
        longest: side of each part at most, in pixels.
    """
    small = at_most(picture, longest)
    parts = [with_boxes(small, truth, classes, scores=False), with_boxes(small, found, classes, scores=True)]
    return side_by_side(parts, "jpeg")
