"""Predict a number from a text, or from a pair of texts."""

from dataclasses import dataclass
from typing import ClassVar

from crosstune.tasks.regression import Regression


@dataclass(frozen=True, kw_only=True)
class TextRegression(Regression):
    """One number for each text or pair of texts."""

    name: ClassVar[str] = "text-regression"
    modality: ClassVar[str] = "text"
