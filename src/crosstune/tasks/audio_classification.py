"""Classify sounds."""

from dataclasses import dataclass
from typing import ClassVar

from crosstune.tasks.classification import Classification


@dataclass(frozen=True)
class AudioClassification(Classification):
    """One or several labels for each sound."""

    name: ClassVar[str] = "audio-classification"
    modality: ClassVar[str] = "audio"
