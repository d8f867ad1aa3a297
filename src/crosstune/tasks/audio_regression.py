"""Predict a number from a sound."""

from dataclasses import dataclass
from typing import ClassVar

from crosstune.tasks.regression import Regression


@dataclass(frozen=True, kw_only=True)
class AudioRegression(Regression):
    """One number for each sound."""

    name: ClassVar[str] = "audio-regression"
    modality: ClassVar[str] = "audio"
