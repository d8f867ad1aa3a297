"""Random changes of one picture.

torchvision's random transforms draw from a generator that the whole process shares, hence the draws are made
here and only torchvision's functions are used.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image
from torchvision.transforms.v2 import functional

from crosstune.core.picture_move import Window

CROP_AREA = (0.35, 1.0)
"""Share of the area that a crop keeps. ASSUMED: milder than ImageNet's 0.08 from-scratch recipe."""
CROP_RATIO = (3 / 4, 4 / 3)
SHIFT = 1 / 14
"""Largest shift to each side, as a share of the side: 2 of 28 pixels. PRIOR: usual for digits."""
OPERATIONS = 2
"""Operations of RandAugment on each picture (Cubuk 2020)."""
MAGNITUDE = 9 / 30
"""Their strength as a share of the largest (9 of 30 levels, as in torchvision's default)."""

Operation = Callable[[Image.Image, float], Image.Image]


FLIP, CROP, PHOTOMETRIC = "flip", "crop", "photometric"
"""The names of mirroring and of cutting out, the first two changes, so that their draws come first; and of
other colours."""


def mirrors(draw: np.random.Generator) -> bool:
    """Say whether a picture is mirrored, as the first draw of its generator."""
    return bool(draw.random() < 0.5)


def _flip(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Mirror half of the pictures."""
    if mirrors(draw):
        picture = functional.horizontal_flip(picture)
    return picture


def window(size: tuple[int, int], draw: np.random.Generator) -> Window:
    """Draw a rectangle of a picture of some width and height (Szegedy 2015)."""
    width, height = size
    for _ in range(10):
        area = width * height * draw.uniform(*CROP_AREA)
        ratio = math.exp(draw.uniform(math.log(CROP_RATIO[0]), math.log(CROP_RATIO[1])))
        wide, high = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < wide <= width and 0 < high <= height:
            break
    else:
        wide = high = min(width, height)
    top, left = int(draw.integers(0, height - high + 1)), int(draw.integers(0, width - wide + 1))
    return left, top, wide, high


def _crop(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Cut out a random rectangle and stretch it to a square of the shorter side."""
    left, top, wide, high = window(picture.size, draw)
    side = min(picture.size)
    cropped: Image.Image = functional.resized_crop(picture, top, left, high, wide, [side, side])
    return cropped


def _shift(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Move the picture by whole pixels, at most ``SHIFT`` of each side; its edge is repeated behind it."""
    reach = [max(1, round(SHIFT * side)) for side in picture.size]
    wide, high = (int(draw.integers(-most, most + 1)) for most in reach)
    moved = np.asarray(picture)
    moved = np.pad(moved, ((reach[1], reach[1]), (reach[0], reach[0]), (0, 0)), mode="edge")
    top, left = reach[1] - high, reach[0] - wide
    return Image.fromarray(moved[top : top + picture.height, left : left + picture.width])


def _affine(
    picture: Image.Image, *, shear: tuple[float, float] = (0.0, 0.0), move: tuple[float, float] = (0.0, 0.0)
) -> Image.Image:
    wide, high = picture.size
    result: Image.Image = functional.affine(
        picture,
        angle=0.0,
        translate=[round(move[0] * wide), round(move[1] * high)],
        scale=1.0,
        shear=[math.degrees(math.atan(shear[0])), math.degrees(math.atan(shear[1]))],
    )
    return result


SIGNED: dict[str, Operation] = {
    "shear-x": lambda picture, amount: _affine(picture, shear=(0.3 * amount, 0.0)),
    "shear-y": lambda picture, amount: _affine(picture, shear=(0.0, 0.3 * amount)),
    "translate-x": lambda picture, amount: _affine(picture, move=(0.45 * amount, 0.0)),
    "translate-y": lambda picture, amount: _affine(picture, move=(0.0, 0.45 * amount)),
    "rotate": lambda picture, amount: functional.rotate(picture, 30.0 * amount),
    "brightness": lambda picture, amount: functional.adjust_brightness(picture, 1.0 + 0.9 * amount),
    "color": lambda picture, amount: functional.adjust_saturation(picture, 1.0 + 0.9 * amount),
    "contrast": lambda picture, amount: functional.adjust_contrast(picture, 1.0 + 0.9 * amount),
    "sharpness": lambda picture, amount: functional.adjust_sharpness(picture, 1.0 + 0.9 * amount),
}
"""Operations whose amount lies in [-1, 1]; the largest strengths are those of Cubuk 2020."""

UNSIGNED: dict[str, Operation] = {
    "identity": lambda picture, _: picture,
    "posterize": lambda picture, amount: functional.posterize(picture, 8 - round(4 * amount)),
    "solarize": lambda picture, amount: functional.solarize(picture, 255.0 * (1.0 - amount)),
    "autocontrast": lambda picture, _: functional.autocontrast(picture),
    "equalize": lambda picture, _: functional.equalize(picture),
}
"""Operations whose amount lies in [0, 1]."""


DISTORTIONS: Mapping[str, tuple[Operation, float, float]] = {
    "brightness": (functional.adjust_brightness, 0.875, 1.125),
    "contrast": (functional.adjust_contrast, 0.5, 1.5),
    "saturation": (functional.adjust_saturation, 0.5, 1.5),
    "hue": (functional.adjust_hue, -0.05, 0.05),
}
"""Each made on half of the pictures, with an amount between both ends. PRIOR: Liu et al. (2016), SSD,
arXiv:1512.02325, in the ranges of torchvision."""


def _photometric(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Give other colours, and on half of the pictures exchange red, green and blue (Liu 2016)."""
    for operation, low, high in DISTORTIONS.values():
        amount = float(draw.uniform(low, high))
        if draw.random() < 0.5:
            picture = operation(picture, amount)
    order = draw.permutation(3)
    if draw.random() < 0.5:
        bands = picture.convert("RGB").split()
        picture = Image.merge("RGB", [bands[place] for place in order])
    return picture


def _randaugment(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Apply ``OPERATIONS`` random operations of equal strength (Cubuk 2020)."""
    table = SIGNED | UNSIGNED
    for name in draw.choice(sorted(table), OPERATIONS):
        sign = -1.0 if name in SIGNED and draw.random() < 0.5 else 1.0
        picture = table[str(name)](picture, sign * MAGNITUDE)
    return picture


CHANGES: Mapping[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    FLIP: _flip,
    CROP: _crop,
    "shift": _shift,
    PHOTOMETRIC: _photometric,
    "randaugment": _randaugment,
}
"""By the name in ``augment``, in the order in which they are made."""
