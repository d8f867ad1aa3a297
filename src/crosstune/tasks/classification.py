"""The spine of the classification tasks: the target decides between one label and several.

Shapes: N examples, B batch, K classes.
"""

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.labels import LabelMap
from crosstune.core.settings import Settings
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.multi_label import MultiLabel
from crosstune.tasks.raw import is_several, plain
from crosstune.tasks.single_label import SingleLabel
from crosstune.tasks.unscaled import Unscaled

TARGETS: Mapping[str, type[SingleLabel | MultiLabel]] = {
    "single-label": SingleLabel,
    "multi-label": MultiLabel,
}


@dataclass(frozen=True)
class Classification(Unscaled, ABC):
    """A classification task; its verticals add only the name and the modality.

    Targets are lists of labels (then the task is multi-label: the lists may be empty, and all examples
    must have one) or single labels. Everything below asks the target.
    """

    target: SingleLabel | MultiLabel

    name: ClassVar[str]
    modality: ClassVar[str]

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Fit the label map.

        Raises:
            BadTarget: a target is missing, or lists and single labels are mixed.
            ConstantTarget: fewer than two classes (one, for multi-label).
        """
        several = any(is_several(plain(value)) for value in targets)
        kind = MultiLabel if several else SingleLabel
        return cls(kind.from_targets(targets, declared=declared))

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in index order."""
        return self.target.labels.names

    @property
    def multi_label(self) -> bool:
        """Whether an example can have several labels."""
        return isinstance(self.target, MultiLabel)

    @property
    def outputs(self) -> int:
        """K, the number of classes."""
        return len(self.target.labels)

    @property
    def losses(self) -> tuple[str, ...]:
        """Losses by name, the default first."""
        return self.target.losses

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Metrics by name, the primary one first."""
        return self.target.metrics

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Map targets to ``(N,)`` int64 class indices, or ``(N, K)`` float32 of 0 and 1.

        Raises:
            UnknownClass: a label is not in the label map; all of them are listed.
            BadTarget: a target is missing or of the wrong kind.
        """
        return self.target.encode(raw)

    def linear_targets(self, encoded: NDArray[Any]) -> NDArray[np.float64]:
        """Give the ``(N, K)`` one-hot or multi-hot targets."""
        return self.target.linear_targets(encoded)

    def linear_kind(self) -> str:
        """``classes`` or ``multi-label``."""
        return self.target.kind

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Build the loss that ``settings`` names; see ``class_losses`` and ``multi_label_losses``."""
        return self.target.make_loss(settings, encoded)

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Turn ``(N, K)`` outputs into N rows; raises ``NonFiniteOutputs``."""
        return self.target.decode(outputs)

    def hub_config(self) -> dict[str, Any]:
        """Give ``id2label``, ``label2id`` and ``problem_type``."""
        return self.target.hub_config()

    def to_json(self) -> dict[str, Any]:
        """Give the task's name, the kind of target and the class names in order."""
        kind = "multi-label" if self.multi_label else "single-label"
        return {"task": self.name, "target": kind, "classes": list(self.classes)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(TARGETS[raw["target"]](labels=LabelMap(tuple(raw["classes"]))))
