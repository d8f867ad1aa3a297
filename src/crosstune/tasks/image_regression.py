"""Predict a number from an image."""

from dataclasses import dataclass
from typing import ClassVar

from crosstune.tasks.regression import Regression


@dataclass(frozen=True, kw_only=True)
class ImageRegression(Regression):
    """One number for each image."""

    name: ClassVar[str] = "image-regression"
    modality: ClassVar[str] = "image"
