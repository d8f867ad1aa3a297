"""Classes of places of pictures, as models are compared by them. Shapes: N rows, K classes."""

from collections.abc import Mapping, Sequence

from crosstune.core.labels import LabelMap
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.image_classification import ImageClassification
from crosstune.tasks.single_label import SingleLabel

DECIDING = "macro-f1"
"""The mean over classes of F1. Mean IoU and mean average precision are means over classes too, and the IoU of
a class is F1 / (2 - F1). Accuracy would hardly see rare classes, and balanced accuracy none of the false
alarms of a class."""


class PlaceLabel(SingleLabel):
    """One of K classes, judged by :data:`DECIDING`."""

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Macro F1 first."""
        every = super().metrics
        return {DECIDING: every[DECIDING], **every}


def place_task(classes: Sequence[str]) -> ImageClassification:
    """Make the task of telling the class of a place from its features."""
    return ImageClassification(target=PlaceLabel(labels=LabelMap(tuple(classes))))
