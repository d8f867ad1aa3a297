"""The one form of boxes: left, top, right, bottom in pixels of the upright picture, and a class name.

Edges lie between pixels: a box around the whole of a picture of 20 x 10 pixels is (0, 0, 20, 10).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crosstune.data.places import CXCYWH, XYWH, Form

OBJECTS = "objects"
"""The column of boxes."""

OBJECTS_TYPE = pa.list_(
    pa.struct([
        ("box", pa.list_(pa.float64())),
        ("label", pa.string()),
        ("ignore", pa.bool_()),  # neither learnt nor counted: COCO's crowds, VOC's difficult ones
        ("place", pa.string()),  # where it is written: `labels/a.txt:3`
    ])
)  # fmt: skip
"""The type of that column: a picture without objects has an empty list."""

Boxes = NDArray[np.float64]
"""``(N, 4)``."""

Size = tuple[float, float]
"""Width and height in pixels."""

UNREADABLE, OUTSIDE_MAP = "unreadable-box", "class-id-outside-map"
"""Codes of rows that are set aside where they are read, and of their pages."""


class BadObject(ValueError):
    """One object cannot be read; ``code`` and ``reason`` are those of its picture."""

    def __init__(self, code: str, reason: str) -> None:
        """Keep the parts."""
        self.code, self.reason = code, reason
        super().__init__(reason)


def to_pixels(numbers: Boxes, form: Form, size: Size) -> Boxes:
    """Bring ``(N, 4)`` numbers of a form to left, top, right, bottom in pixels.

    Checked by: ``tests/data/boxes/test_form.py``, there and back for every form.
    """
    scaled = numbers * np.array([*size, *size]) if form.normalised else numbers
    first, last = scaled[:, :2], scaled[:, 2:]
    if form.corners == XYWH:
        return np.concatenate([first, first + last], axis=1)
    if form.corners == CXCYWH:
        return np.concatenate([first - last / 2, first + last / 2], axis=1)
    return scaled


def as_written(boxes: Boxes, form: Form, size: Size) -> Boxes:
    """Turn boxes back into the numbers that a form has for them: the inverse of ``to_pixels``."""
    first, last = boxes[:, :2], boxes[:, 2:]
    if form.corners == XYWH:
        boxes = np.concatenate([first, last - first], axis=1)
    elif form.corners == CXCYWH:
        boxes = np.concatenate([(first + last) / 2, last - first], axis=1)
    return boxes / np.array([*size, *size]) if form.normalised else boxes


def numbers_of(values: Sequence[object], place: str) -> list[float]:
    """Read the four numbers of a box.

    Raises ``BadObject`` unless there are four, each finite.
    """
    shown = ", ".join(str(value)[:20] for value in values[:8])
    if len(values) != 4:
        raise BadObject(UNREADABLE, f"{place}: {len(values)} numbers instead of four ({shown})")
    try:
        found = [float(value) for value in values if not isinstance(value, bool)]  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = []
    if len(found) != 4 or not all(math.isfinite(number) for number in found):
        raise BadObject(UNREADABLE, f"{place}: ({shown}) are not four finite numbers")
    return found


def an_object(box: Sequence[float], label: str, place: str, *, ignore: bool = False) -> dict[str, Any]:
    """Make one entry of the column."""
    return {"box": [float(number) for number in box], "label": label, "ignore": ignore, "place": whole(place)}


def whole(text: object) -> str:
    """Write a text of a file of strangers so that it can be stored: half a character becomes ``?``."""
    return str(text).encode("utf-8", "replace").decode()


def boxes_of(objects: Sequence[dict[str, Any]]) -> Boxes:
    """Give the boxes of a picture's objects, ``(N, 4)``."""
    return np.array([one["box"] for one in objects], np.float64).reshape(-1, 4)
