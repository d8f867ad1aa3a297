"""Simple properties of pictures, by which a person could tell two sets apart."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 256
"""Longest side, in pixels, at which light and sharpness are measured: about what models see."""


def picture_properties(pictures: Sequence[Image.Image]) -> dict[str, NDArray[np.float64]]:
    """Measure every picture.

    Args:
        pictures: N in RGB.

    Returns:
        By name, ``(N,)`` each: ``brightness`` and ``contrast`` (mean and deviation of the grey values, in
        [0, 1]), ``sharpness`` (variance of the Laplacian over that of the grey values, so that a picture of
        less contrast is not taken for a blurred one), ``saturation`` (mean, in [0, 1]), ``size`` (root of the
        area, in pixels) and ``aspect`` (width over height).

    Cost: 2 ms for a picture of 256 x 256. Checked by: ``tests/data/test_picture_properties.py``.
    """
    rows = np.array([_measured(picture) for picture in pictures], np.float64).reshape(-1, len(NAMES))
    return dict(zip(NAMES, rows.T, strict=True))


NAMES = ("brightness", "contrast", "sharpness", "saturation", "size", "aspect")


def _measured(picture: Image.Image) -> tuple[float, ...]:
    width, height = picture.size
    small = picture
    if max(width, height) > SIDE:
        scale = SIDE / max(width, height)
        fitting = max(1, round(width * scale)), max(1, round(height * scale))
        small = picture.resize(fitting, Image.Resampling.BOX)
    pixels = np.asarray(small.convert("RGB"), np.float64) / 255
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    most, least = pixels.max(axis=2), pixels.min(axis=2)
    saturation = np.divide(most - least, most, out=np.zeros_like(most), where=most > 0)
    return (
        float(grey.mean()), float(grey.std()), _sharpness(grey), float(saturation.mean()),
        float(np.sqrt(width * height)), width / height,
    )  # fmt: skip


def _sharpness(grey: NDArray[np.float64]) -> float:
    """Compare the second differences with the values themselves; a flat or tiny picture has none."""
    spread = float(grey.var())
    if min(grey.shape) < 3 or spread < 1e-8:
        return 0.0
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.var() / spread)
