"""Classify texts, or pairs of texts."""

from dataclasses import dataclass
from typing import ClassVar

from crosstune.tasks.classification import Classification


@dataclass(frozen=True)
class TextClassification(Classification):
    """One or several labels for each text or pair of texts."""

    name: ClassVar[str] = "text-classification"
    modality: ClassVar[str] = "text"
