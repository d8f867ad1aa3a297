"""Pictures with their labels drawn on, many on one sheet: what a person looks at before training."""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE, MARGIN, LINE = 240, 24, 15
"""Pixels: of a tile, of the frame in which boxes that stick out are still seen, and of a line of text."""

COLUMNS = 4
_BACK, _FRAME, _INK = (255, 255, 255), (225, 225, 225), (20, 20, 20)
_LETTERS, _LINES = 40, 4
"""Letters of a line, and lines of a remark."""
_LIGHT = 140
"""Brightness of 255 from which dark letters are read more easily. Source: the weights of ITU-R BT.601."""
_SHOWN = 0.5
"""How much of a mask's colour is laid over the picture."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture with what its labels say."""

    picture: Image.Image | None
    """RGB; ``None`` where it cannot be opened."""
    caption: str
    remark: str = ""
    """Further lines: why it is set aside."""
    boxes: Sequence[tuple[Sequence[float], str]] = ()
    """Left, top, right, bottom in pixels, and the class."""
    mask: NDArray[np.int64] | None = None
    """``(H, W)`` class numbers of the picture's pixels; negative ones are left as they are."""


def colours(names: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """Give each name a colour of its own; the hues are as far apart as they can be, whatever their number."""
    found = {}
    for place, name in enumerate(names):
        # Steps of the golden ratio never come close to each other; brightness alternates as well.
        shade = colorsys.hsv_to_rgb((place * 0.618034) % 1.0, 0.85, (0.9, 0.65)[place % 2])
        found[name] = (round(255 * shade[0]), round(255 * shade[1]), round(255 * shade[2]))
    return found


def sheet(tiles: Sequence[Tile], names: Sequence[str]) -> Image.Image:
    """Lay tiles out in rows, with the colours of all classes in a line above.

    Args:
        tiles: one or more.
        names: the classes; a mask's numbers are places in it.

    Returns:
        An RGB image, at most ``COLUMNS`` tiles wide.

    Checked by: ``tests/reports/test_sheet.py``.
    """
    shades = colours(names)
    across = min(COLUMNS, len(tiles))
    legend = _legend(shades, across * SIDE)
    high = tile_height(max(len(_lines(tile.remark)) for tile in tiles))
    height = legend.height + -(-len(tiles) // across) * high
    page = Image.new("RGB", (across * SIDE, height), _BACK)
    page.paste(legend, (0, 0))
    for place, tile in enumerate(tiles):
        corner = (place % across * SIDE, legend.height + place // across * high)
        page.paste(drawn(tile, names, shades), corner)
    return page


def tile_height(lines: int) -> int:
    """Give the height of a tile with so many lines of remarks, in pixels."""
    return SIDE + LINE * (1 + lines) + 6


def drawn(tile: Tile, names: Sequence[str], shades: Mapping[str, tuple[int, int, int]]) -> Image.Image:
    """Draw one tile, ``SIDE`` wide and ``tile_height`` high; the picture is scaled to fit its frame."""
    remarks = _lines(tile.remark)
    page = Image.new("RGB", (SIDE, tile_height(len(remarks))), _BACK)
    pen = ImageDraw.Draw(page)
    pen.rectangle((1, 1, SIDE - 2, SIDE - 2), fill=_FRAME)
    if tile.picture is not None:
        inner = SIDE - 2 * MARGIN
        scale = inner / max(tile.picture.size)
        size = tuple(max(1, round(side * scale)) for side in tile.picture.size)
        picture = tile.picture if tile.mask is None else _laid_over(tile.picture, tile.mask, names, shades)
        page.paste(picture.resize(size, Image.Resampling.BILINEAR), (MARGIN, MARGIN))  # type: ignore[arg-type]
        for box, label in tile.boxes:
            corners = [min(max(MARGIN + scale * side, 1.0), SIDE - 2.0) for side in box]
            outline(pen, corners, _start(label, 18), shades.get(label, _INK))
    else:
        pen.text((MARGIN, SIDE // 2), "cannot be opened", fill=_INK, font=_font())
    for line, text in enumerate((_end(tile.caption), *remarks)):
        pen.text((4, SIDE + 2 + LINE * line), text, fill=_INK, font=_font())
    return page


def outline(
    pen: ImageDraw.ImageDraw,
    box: Sequence[float],
    label: str,
    shade: tuple[int, int, int],
    scale: float = 1.0,
) -> None:
    """Draw a box with its label above it.

    Args:
        pen: of the picture.
        box: left, top, right, bottom in pixels of the picture, in any order of its sides.
        label: short, and of letters that can be printed.
        shade: of the lines, and behind the letters.
        scale: how much larger lines and letters are than on a tile.
    """
    left, right = sorted(box[0::2])
    top, bottom = sorted(box[1::2])
    pen.rectangle((left, top, right, bottom), outline=shade, width=max(1, round(2 * scale)))
    font = _font(scale)
    low = max(0.0, top - 13 * scale)
    around = pen.textbbox((left + 2, low), label, font=font)
    pen.rectangle((left, low, around[2] + 2, max(around[3], low + 12 * scale)), fill=shade)
    light = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] > _LIGHT
    pen.text((left + 2, low), label, fill=_INK if light else _BACK, font=font)


def _laid_over(
    picture: Image.Image,
    mask: NDArray[np.int64],
    names: Sequence[str],
    shades: Mapping[str, tuple[int, int, int]],
) -> Image.Image:
    if mask.shape != picture.size[::-1] or not names:
        return picture
    table = np.array([shades[name] for name in names], np.float64)
    pixels = np.asarray(picture.convert("RGB")).astype(np.float64)
    known = (mask >= 0) & (mask < len(names))
    pixels[known] = (1 - _SHOWN) * pixels[known] + _SHOWN * table[mask[known]]
    return Image.fromarray(pixels.astype(np.uint8))


def _legend(shades: Mapping[str, tuple[int, int, int]], width: int) -> Image.Image:
    place, lines = 4, [list[tuple[int, str]]()]
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    for name in shades:
        wide = 18 + round(pen.textlength(_start(name, 24), font=_font())) + 12
        if place + wide > width and lines[-1]:
            place, lines = 4, [*lines, []]
        lines[-1].append((place, name))
        place += wide
    page = Image.new("RGB", (width, 18 * len(lines) + 4), _BACK)
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        for left, name in line:
            pen.rectangle((left, 18 * row + 5, left + 11, 18 * row + 16), fill=shades[name])
            pen.text((left + 16, 18 * row + 3), _start(name, 24), fill=_INK, font=_font())
    return page


def _font(scale: float = 1.0) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(11 * scale)


def _lines(text: str) -> list[str]:
    return wrap(_start(text, _LINES * _LETTERS), _LETTERS)[:_LINES]


def _start(text: str, most: int = _LETTERS) -> str:
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}\u2026"


def _end(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= _LETTERS else f"\u2026{plain[1 - _LETTERS :]}"
