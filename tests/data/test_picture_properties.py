"""Each property of a picture follows what was done to it, and only that."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from crosstune.data.picture_properties import NAMES, picture_properties
from tests.support.tiny import random_images


def measured(picture: Image.Image) -> dict[str, float]:
    return {name: float(values[0]) for name, values in picture_properties([picture]).items()}


def test_a_flat_picture_is_known_to_the_last_digit() -> None:
    found = measured(Image.new("RGB", (40, 10), (255, 0, 0)))
    assert found == pytest.approx(
        {
            "brightness": 0.299,
            "contrast": 0.0,
            "sharpness": 0.0,
            "saturation": 1.0,
            "size": 20.0,
            "aspect": 4.0,
        }
    )


def test_blur_takes_sharpness_and_contrast_less_leaves_it() -> None:
    picture = random_images(1, size=64)[0]
    plain, blurred = measured(picture), measured(picture.filter(ImageFilter.GaussianBlur(2)))
    assert blurred["sharpness"] < 0.1 * plain["sharpness"]
    paler = measured(ImageEnhance.Contrast(picture).enhance(0.5))
    assert paler["contrast"] == pytest.approx(0.5 * plain["contrast"], rel=0.1)
    assert paler["sharpness"] == pytest.approx(plain["sharpness"], rel=0.05)


@pytest.mark.parametrize(
    ("enhance", "name"), [(ImageEnhance.Brightness, "brightness"), (ImageEnhance.Color, "saturation")]
)
def test_light_and_colour_are_seen(enhance: type, name: str) -> None:
    picture = random_images(1, size=64)[0]
    assert measured(enhance(picture).enhance(0.5))[name] < 0.8 * measured(picture)[name]


def test_large_pictures_are_measured_small_but_their_size_is_their_own() -> None:
    large = random_images(1, size=64)[0].resize((1024, 512), Image.Resampling.BICUBIC)
    found = measured(large)
    assert found["size"] == pytest.approx(np.sqrt(1024 * 512))
    assert found["sharpness"] > 0
    assert set(found) == set(NAMES)


def test_no_picture_and_the_smallest_one() -> None:
    assert picture_properties([])["size"].shape == (0,)
    assert measured(Image.new("RGB", (1, 1)))["sharpness"] == 0.0
