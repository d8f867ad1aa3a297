"""Classify images."""

from dataclasses import dataclass
from typing import ClassVar

from crosstune.tasks.classification import Classification


@dataclass(frozen=True)
class ImageClassification(Classification):
    """One or several labels for each image."""

    name: ClassVar[str] = "image-classification"
    modality: ClassVar[str] = "image"
