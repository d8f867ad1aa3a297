"""Targets of exclusive classes: each example has exactly one. Shapes: N examples, B batch, K classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.errors import UnknownName, shown
from crosstune.core.labels import LabelMap
from crosstune.core.settings import Settings
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.class_losses import class_loss
from crosstune.tasks.class_metrics import class_metrics
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.numerics import Floats, checked, softmax
from crosstune.tasks.raw import is_missing, is_several, plain


@dataclass(frozen=True, kw_only=True)
class SingleLabel:
    """One of K classes."""

    labels: LabelMap

    kind: ClassVar[str] = "classes"
    losses: ClassVar[tuple[str, ...]] = (
        "cross-entropy",
        "label-smoothing",
        "focal",
        "class-balanced",
        "logit-adjusted",
    )

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Make the label map; raises ``ConstantTarget`` for fewer than two classes."""
        labels = LabelMap.from_values(_scalars(targets), declared)
        if len(labels) < 2:
            found = f"the class {shown(labels.names)} only" if labels.names else "no target at all"
            raise ConstantTarget(found, expected="at least two classes")
        return cls(labels=labels)

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Accuracy first."""
        return class_metrics(len(self.labels))

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Map values to class indices, ``(N,)`` int64."""
        return np.array(self.labels.encode(_scalars(raw)), dtype=np.int64)

    def linear_targets(self, encoded: NDArray[Any]) -> Floats:
        """One-hot ``(N, K)``."""
        targets = np.zeros((len(encoded), len(self.labels)))
        targets[np.arange(len(encoded)), encoded] = 1.0
        return targets

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Build the loss that ``settings`` names."""
        name = self.losses[0] if settings.loss == "auto" else settings.loss
        if name not in self.losses:
            raise UnknownName("loss for single-label targets", name, self.losses)
        counts = np.bincount(encoded, minlength=len(self.labels)).astype(np.float64)
        return class_loss(name, settings, counts, self.labels.names)

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``label``, its probability ``score``, and ``scores`` of all classes."""
        probabilities = softmax(checked(outputs, len(self.labels)))
        names, best = self.labels.names, probabilities.argmax(axis=1).tolist()
        return [
            {"label": names[winner], "score": row[winner], "scores": dict(zip(names, row, strict=True))}
            for winner, row in zip(best, probabilities.tolist(), strict=True)
        ]

    def hub_config(self) -> dict[str, Any]:
        """Give the label map and ``single_label_classification``."""
        return self.labels.for_config() | {"problem_type": "single_label_classification"}


def _scalars(raw: Sequence[object]) -> list[object]:
    values = [plain(value) for value in raw]
    bad = {i: value for i, value in enumerate(values) if is_several(value) or is_missing(value)}
    if bad:
        raise BadTarget(
            bad,
            task="classification with one label",
            expected="one class name or number for each example",
            fix="correct these targets, or give every example a list of labels (multi-label)",
        )
    return values
