"""The spine of the regression tasks: one number for each example, z-scored for the model.

Shapes: N examples, B batch; the head has one output.
"""

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.errors import BadValue, UnknownName
from crosstune.core.settings import Settings
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.numerics import Floats, checked
from crosstune.tasks.raw import plain
from crosstune.tasks.value_losses import Huber, SquaredError, huber_delta
from crosstune.tasks.value_metrics import SMALLEST_SPREAD, value_metrics

LARGEST = 1e150
"""Beyond it squares overflow; NaN and infinity compare false."""


@dataclass(frozen=True, kw_only=True)
class Regression(ABC):
    """A regression task; its verticals add only the name and the modality."""

    mean: float
    """Of the training targets, in the user's units."""
    sd: float
    """Of the training targets (over N, not N - 1), in the user's units; > 0."""

    name: ClassVar[str]
    modality: ClassVar[str]
    losses: ClassVar[tuple[str, ...]] = ("mse", "huber")

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Fit mean and sd.

        Raises:
            BadTarget: a target is no finite number; all of them are listed.
            ConstantTarget: all targets are equal, or there are none.
            BadValue: class names are declared.
        """
        if declared:
            raise BadValue(
                "a regression has no classes",
                found=f"declared classes {', '.join(declared)}",
                expected="no declared classes",
                fix="leave the class names out, or choose a classification task with `--task`",
            )
        values = _numbers(targets)
        if not len(values):
            raise ConstantTarget("no target at all", expected="at least two different numbers")
        mean, sd = float(values.mean()), float(values.std())
        if sd <= SMALLEST_SPREAD * abs(mean):
            raise ConstantTarget(f"{values[0]:g} only", expected="at least two different numbers")
        return cls(mean=mean, sd=sd)

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Pearson's r first; errors in the user's units."""
        return value_metrics(self.mean, self.sd)

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Map numbers to z-scores, ``(N,)`` float64: the scale of the head's output.

        Raises ``BadTarget``, listing every target that is no finite number.
        """
        return (_numbers(raw) - self.mean) / self.sd

    def linear_targets(self, encoded: NDArray[Any]) -> Floats:
        """Give the z-scores as ``(N, 1)``."""
        return np.asarray(encoded, dtype=np.float64).reshape(-1, 1)

    def linear_kind(self) -> str:
        """``values``."""
        return "values"

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Build the loss that ``settings`` names, in units of the training targets' sd.

        Raises:
            UnknownName: no loss of this task.
            BadValue: class weights are set.
        """
        name = self.losses[0] if settings.loss == "auto" else settings.loss
        if name not in self.losses:
            raise UnknownName("loss for regression", name, self.losses)
        if settings.class_weights != "none":
            raise BadValue(
                "a regression has no classes to weigh",
                found=f"class_weights={settings.class_weights}",
                expected="class_weights=none",
                fix="leave class_weights out",
            )
        return Huber(delta=huber_delta(np.asarray(encoded))) if name == "huber" else SquaredError()

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``value`` in the user's units for each of the ``(N, 1)`` outputs."""
        scale, shift = self.affine()
        values = checked(outputs, 1)[:, 0] * scale + shift
        return [{"value": value} for value in values.tolist()]

    def hub_config(self) -> dict[str, Any]:
        """Give one label, ``value``, and ``regression``: loaders then apply no softmax or sigmoid."""
        return {"id2label": {0: "value"}, "label2id": {"value": 0}, "problem_type": "regression"}

    def affine(self) -> tuple[float, float]:
        """(sd, mean) of the training targets."""
        return self.sd, self.mean

    def folded(self) -> Self:
        """Give the task whose outputs are in the user's units: mean 0, sd 1."""
        return replace(self, mean=0.0, sd=1.0)

    def to_json(self) -> dict[str, Any]:
        """Give the task's name, mean and sd."""
        return {"task": self.name, "mean": self.mean, "sd": self.sd}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(mean=float(raw["mean"]), sd=float(raw["sd"]))


def _number(value: object) -> float | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) <= LARGEST else None


def _numbers(raw: Sequence[object]) -> Floats:
    numbers = [_number(plain(value)) for value in raw]
    bad = {i: raw[i] for i, number in enumerate(numbers) if number is None}
    if bad:
        raise BadTarget(
            bad,
            task="regression",
            expected="a finite number for each example",
            fix="correct these targets, or choose a classification task with `--task`",
        )
    return np.array(numbers, dtype=np.float64)
