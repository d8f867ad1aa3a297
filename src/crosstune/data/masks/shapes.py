"""Masks out of shapes: the polygons and run lengths of COCO, laid over each other in one picture."""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crosstune.data.boxes.form import BadObject

BAD_SHAPE = "unreadable-mask"
"""The code of a row with a shape that cannot be read, and of its page."""

Mask = NDArray[np.bool_]


def shape_mask(shape: object, size: tuple[int, int], place: str) -> Mask:
    """Rasterise COCO's ``segmentation`` of one object.

    Args:
        shape: a list of polygons (x, y, x, y ... in pixels, from the left upper corner of the picture), or
            ``{"counts", "size"}``, where counts are numbers or COCO's text of them.
        size: width and height of the picture.
        place: where it is written, for messages.

    Returns:
        ``(H, W)``. Of polygons, the pixels that they cover or cut, as Pillow draws them.

    Raises:
        BadObject: it is neither, or does not fit the size.

    Checked by: ``tests/data/masks/test_shapes.py``.
    """
    if isinstance(shape, dict):
        return _from_runs(shape, size, place)
    if not isinstance(shape, list) or not shape:
        raise BadObject(BAD_SHAPE, f"{place} has no polygon and no run lengths")
    canvas = Image.new("1", size)
    pen = ImageDraw.Draw(canvas)
    for polygon in shape:
        numbers = polygon if isinstance(polygon, list) else []
        plain = all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
        if len(numbers) < 6 or len(numbers) % 2 or not plain:
            raise BadObject(
                BAD_SHAPE, f"{place}: a polygon of {len(numbers)} numbers instead of 6, 8, 10 ..."
            )
        # Pillow counts from the centres of pixels, COCO from their edges.
        pen.polygon([number - 0.5 for number in numbers], fill=1)
    return np.asarray(canvas)


def _from_runs(shape: dict[str, Any], size: tuple[int, int], place: str) -> Mask:
    counts, own = shape.get("counts"), shape.get("size")
    if own != [size[1], size[0]]:
        raise BadObject(BAD_SHAPE, f"{place}: run lengths for {own}, the picture has {[size[1], size[0]]}")
    runs = decoded_runs(counts) if isinstance(counts, str) else counts
    whole = isinstance(runs, list) and all(type(run) is int and run >= 0 for run in runs)
    if not isinstance(runs, list) or not whole or sum(runs) != size[0] * size[1]:
        raise BadObject(BAD_SHAPE, f"{place}: run lengths that are not those of {size[0]} x {size[1]} pixels")
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.bool_)
    return flat.reshape(size[1], size[0], order="F")


def decoded_runs(text: str) -> list[int]:
    """Read COCO's text of run lengths: five bits a letter, and later ones as differences.

    Source: ``rleFrString`` of cocoapi. What is no such text gives runs that fit no picture.
    """
    found: list[int] = []
    value, shift = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            return [-1]
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            found.append(value + (found[-2] if len(found) > 2 else 0))
            value, shift = 0, 0
    return found


def laid_over(shapes: Sequence[tuple[Mask, int]], size: tuple[int, int]) -> bytes:
    """Lay masks over each other, the largest first, so that small objects stay visible; gives a PNG file.

    Args:
        shapes: masks ``(H, W)`` and their values in [0, 255].
        size: width and height.
    """
    mask = np.zeros((size[1], size[0]), np.uint8)
    sizes = [int(own.sum()) for own, _ in shapes]
    for place in sorted(range(len(shapes)), key=lambda one: -sizes[one]):
        mask[shapes[place][0]] = shapes[place][1]
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()
