"""Every kind of mask file gives the same values."""

import numpy as np
import pytest
from PIL import Image

from crosstune.data.images import ImageProblem
from crosstune.data.masks.classes import MaskClasses
from crosstune.data.masks.pixels import UNKNOWN, mask_values
from tests.data.making import encoded

VALUES = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)


def palette() -> Image.Image:
    image = Image.fromarray(VALUES)
    image.putpalette([*range(255, -1, -1)] * 3)
    return image


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(VALUES),
        Image.fromarray(VALUES.astype(np.uint16)),
        Image.fromarray(np.stack([VALUES] * 3, axis=2)),
        palette(),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_every_kind_gives_its_values(image: Image.Image, kind: str) -> None:
    found = mask_values({"bytes": encoded(image, kind), "path": None}, MaskClasses())
    assert found.tolist() == VALUES.tolist()


def test_masks_of_one_bit_are_0_and_1() -> None:
    image = Image.fromarray(VALUES).convert("1", dither=Image.Dither.NONE)
    assert set(mask_values({"bytes": encoded(image), "path": None}, MaskClasses()).ravel().tolist()) == {0, 1}


def test_colours_are_looked_up_and_unknown_ones_marked() -> None:
    pixels = np.array([[[9, 8, 7], [0, 0, 1], [9, 8, 6]]], np.uint8)
    classes = MaskClasses(names={0: "a", 1: "b"}, colours={(9, 8, 7): 0, (0, 0, 1): 1})
    found = mask_values({"bytes": encoded(Image.fromarray(pixels)), "path": None}, classes)
    assert found.tolist() == [[0, 1, UNKNOWN]]


BROKEN = [b"", b"text", encoded(palette())[:50], encoded(palette().convert("L"), "JPEG")]


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_mask_is_named(content: bytes) -> None:
    with pytest.raises(ImageProblem):
        mask_values({"bytes": content, "path": None}, MaskClasses())
