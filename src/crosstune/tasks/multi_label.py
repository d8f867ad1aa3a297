"""Targets of independent labels: each example has any number. Shapes: N examples, K labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.errors import BadValue, UnknownName
from crosstune.core.labels import LabelMap
from crosstune.core.settings import Settings
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.class_weights import named_weights
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.multi_label_losses import BinaryCrossEntropy, positive_weights
from crosstune.tasks.multi_label_metrics import multi_label_metrics
from crosstune.tasks.numerics import Floats, checked, sigmoid
from crosstune.tasks.raw import is_missing, is_several, plain


@dataclass(frozen=True, kw_only=True)
class MultiLabel:
    """Any subset of K labels; the empty one too."""

    labels: LabelMap

    kind: ClassVar[str] = "multi-label"
    losses: ClassVar[tuple[str, ...]] = ("bce",)

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Make the label map; raises ``ConstantTarget`` where there is no label at all."""
        labels = LabelMap.from_values(chain.from_iterable(_lists(targets)), declared)
        if not labels.names:
            raise ConstantTarget("no label in any example", expected="at least one label")
        return cls(labels=labels)

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Macro F1 first."""
        return multi_label_metrics(len(self.labels))

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Map lists of labels to ``(N, K)`` float32 of 0 and 1."""
        rows = _lists(raw)
        columns = self.labels.encode(chain.from_iterable(rows))
        encoded = np.zeros((len(rows), len(self.labels)), dtype=np.float32)
        encoded[np.repeat(np.arange(len(rows)), [len(row) for row in rows]), columns] = 1.0
        return encoded

    def linear_targets(self, encoded: NDArray[Any]) -> Floats:
        """Give the 0 and 1 of ``(N, K)`` in float64."""
        return np.asarray(encoded, dtype=np.float64)

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Build the loss that ``settings`` names; class weights by name weigh the labels' columns."""
        name = self.losses[0] if settings.loss == "auto" else settings.loss
        if name not in self.losses:
            raise UnknownName("loss for multi-label targets", name, self.losses)
        chosen = {} if settings.class_weights == "none" else settings.class_weights
        if isinstance(chosen, str):
            raise BadValue(
                "multi-label targets take class weights by name only",
                found=f"class_weights={chosen}",
                expected="none, or a weight by label name",
                fix="leave class_weights out: the loss `bce` already weighs rare labels up",
            )
        return BinaryCrossEntropy(
            positive=torch.from_numpy(positive_weights(self.linear_targets(encoded))),
            weights=torch.from_numpy(named_weights(chosen, self.labels.names)),
        )

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``labels`` with a probability over 0.5, and ``scores`` of all labels."""
        names, logits = self.labels.names, checked(outputs, len(self.labels))
        return [
            {
                "labels": [name for name, positive in zip(names, chosen, strict=True) if positive],
                "scores": dict(zip(names, row, strict=True)),
            }
            for chosen, row in zip((logits > 0).tolist(), sigmoid(logits).tolist(), strict=True)
        ]

    def hub_config(self) -> dict[str, Any]:
        """Give the label map and ``multi_label_classification``."""
        return self.labels.for_config() | {"problem_type": "multi_label_classification"}


def _lists(raw: Sequence[object]) -> list[list[object]]:
    """Give the labels of each example; a repeated label counts once."""
    rows: list[list[object]] = []
    bad: dict[int, object] = {}
    for position, value in enumerate(map(plain, raw)):
        row = [plain(label) for label in value] if is_several(value) else None
        if row is None or any(is_missing(label) or is_several(label) for label in row):
            bad[position] = value
        else:
            rows.append(row)
    if bad:
        raise BadTarget(
            bad,
            task="classification with several labels",
            expected="a list of class names or numbers for each example; it may be empty",
            fix="write these targets as lists, like those of the other examples",
        )
    return rows
