"""Boxes of a picture as one short text of bytes: what an encoded target, and an answer, of detection is.

Pictures differ in how many objects they show, so that no array of numbers holds them without padding; bytes
of base 64 have no zero at their end, which numpy's ``S`` arrays would drop.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.picture_move import PictureMove

Floats = NDArray[np.float64]
COLUMNS = 6
"""Of a row: left, top, right, bottom, class, value."""
LEFT = 0.25
"""ASSUMED: share of an object's box that must be inside a window for it to be learnt there."""
_STORED = np.dtype("<f8")


@dataclass(frozen=True, eq=False)
class BoxRows:
    """The boxes of one picture."""

    size: tuple[float, float]
    """Width and height of the picture in pixels."""
    boxes: Floats
    """``(n, 4)`` left, top, right, bottom in pixels of the picture."""
    classes: NDArray[np.int64]
    """``(n,)``."""
    values: Floats
    """``(n,)``: of an answer the score, highest first; of a target 1, or 0 where the object is ignored."""

    def __len__(self) -> int:
        """Count the boxes."""
        return len(self.classes)

    def only(self, chosen: NDArray[Any]) -> "BoxRows":
        """Keep some of the boxes, by number or by truth value."""
        return BoxRows(self.size, self.boxes[chosen], self.classes[chosen], self.values[chosen])

    def packed(self) -> bytes:
        """Write all of it as bytes of base 64; :func:`unpacked` reads it."""
        table = np.zeros((len(self) + 1, COLUMNS), _STORED)
        table[0, :2] = self.size
        table[1:, :4], table[1:, 4], table[1:, 5] = self.boxes, self.classes, self.values
        return base64.b64encode(table.tobytes())


def unpacked(content: bytes) -> BoxRows:
    """Read what :meth:`BoxRows.packed` wrote.

    Raises:
        ValueError: it is something else.
    """
    table = np.frombuffer(base64.b64decode(content, validate=True), _STORED).reshape(-1, COLUMNS)
    return BoxRows(
        size=(float(table[0, 0]), float(table[0, 1])),
        boxes=table[1:, :4].astype(np.float64),
        classes=table[1:, 4].astype(np.int64),
        values=table[1:, 5].astype(np.float64),
    )


def as_array(rows: Sequence[BoxRows]) -> NDArray[Any]:
    """Put the boxes of N pictures into one array ``(N,)``, as wide as the longest."""
    return np.array([one.packed() for one in rows], dtype=np.bytes_)


def from_array(packed: NDArray[Any]) -> list[BoxRows]:
    """Read what :func:`as_array` gave."""
    return [unpacked(one) for one in packed.tolist()]


def moved(rows: BoxRows, move: PictureMove) -> BoxRows:
    """Mirror and cut boxes as their picture is: they are clipped to the window, and gone where outside it.

    An object of which less than :data:`LEFT` is inside is ignored: it can hardly be told.
    """
    boxes, width = rows.boxes, rows.size[0]
    if move.mirrored:
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    if move.window is None:
        return BoxRows(rows.size, boxes, rows.classes, rows.values)
    left, top, wide, high = move.window
    inside = np.clip(boxes - np.array([left, top, left, top]), 0, np.array([wide, high, wide, high]))
    before, after = (np.prod(one[:, 2:] - one[:, :2], axis=1) for one in (boxes, inside))
    values = np.where(after < LEFT * before, 0.0, rows.values)
    return BoxRows((float(wide), float(high)), inside, rows.classes, values).only(after > 0)
