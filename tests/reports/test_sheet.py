"""Sheets: what is drawn lies where the labels say, in the colour of its class."""

import numpy as np
import pytest
from PIL import Image

from crosstune.reports.sheet import COLUMNS, MARGIN, SIDE, Tile, colours, drawn, sheet, tile_height

GREY = Image.new("RGB", (100, 100), (128, 128, 128))
SCALE = (SIDE - 2 * MARGIN) / 100


def test_a_box_is_drawn_at_its_place_in_its_colour() -> None:
    shades = colours(["cat", "dog"])
    tile = Tile(picture=GREY, caption="a.png", boxes=[((25, 50, 75, 100), "dog")])
    pixels = np.asarray(drawn(tile, ["cat", "dog"], shades))
    rows, columns = np.nonzero((pixels == shades["dog"]).all(axis=2))
    assert columns.min() == pytest.approx(MARGIN + 25 * SCALE, abs=1)
    assert columns.max() == pytest.approx(MARGIN + 75 * SCALE, abs=1)
    assert rows.max() == pytest.approx(MARGIN + 100 * SCALE, abs=1)
    assert not (pixels == shades["cat"]).all(axis=2).any()


def test_a_box_outside_is_seen_in_the_frame_and_never_beyond_the_tile() -> None:
    shades = colours(["cat"])
    for box in ((-10, 20, 30, 40), (90, 20, 900, 40), (80, 40, 20, 10)):
        pixels = np.asarray(drawn(Tile(picture=GREY, caption="", boxes=[(box, "cat")]), ["cat"], shades))
        assert pixels.shape == (tile_height(0), SIDE, 3)
        assert (pixels == shades["cat"]).all(axis=2).any()


def test_a_mask_colours_its_pixels_and_no_others() -> None:
    shades = colours(["cat", "dog"])
    mask = np.full((100, 100), -1)
    mask[:50] = 1
    pixels = np.asarray(drawn(Tile(picture=GREY, caption="", mask=mask), ["cat", "dog"], shades)).astype(int)
    middle = MARGIN + round(50 * SCALE)
    assert np.abs(pixels[middle + 20, SIDE // 2] - 128).max() == 0
    wanted = (np.array(shades["dog"]) + 128) / 2
    assert np.abs(pixels[middle - 20, SIDE // 2] - wanted).max() <= 1


def test_a_sheet_has_rows_of_tiles_below_the_names() -> None:
    tiles = [Tile(picture=GREY, caption=str(number)) for number in range(COLUMNS + 1)]
    page = sheet([*tiles, Tile(picture=None, caption="broken", remark="unreadable")], ["cat"])
    assert page.width == COLUMNS * SIDE
    assert 2 * tile_height(1) < page.height < 2 * tile_height(2)
    assert sheet(tiles[:1], []).width == SIDE


def test_colours_of_many_classes_differ() -> None:
    names = [str(number) for number in range(60)]
    assert len(set(colours(names).values())) == 60
