"""Losses of z-scored values. Shapes: B batch; outputs ``(B, 1)``, targets ``(B,)`` or ``(B, 1)``."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

from crosstune.tasks.base import LossSum
from crosstune.tasks.numerics import Floats

HUBER_EFFICIENCY = 1.345
"""In units of sd: 95 % efficiency on normal errors (Huber 1964; Holland and Welsch 1977)."""
MAD_TO_SD = 1.4826
"""The sd of a normal distribution in units of its median absolute deviation."""


def huber_delta(targets: Floats) -> float:
    """``1.345 * 1.4826 * median |t - median t|`` of the z-scored training targets.

    Where more than half of the targets are equal the median deviation is 0 and would switch the loss
    off; then 1.345 (their sd is 1).
    """
    deviation = float(np.median(np.abs(targets - np.median(targets))))
    return HUBER_EFFICIENCY * (MAD_TO_SD * deviation if deviation > 0 else 1.0)


@dataclass(frozen=True)
class SquaredError:
    """``sum_i (o_i - t_i)^2`` with the weight B; in squared sd of the training targets."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Map outputs and targets to the sum."""
        predicted, truth = _aligned(outputs, targets)
        return LossSum(mse_loss(predicted, truth, reduction="sum"), _count(predicted))


@dataclass(frozen=True, kw_only=True)
class Huber:
    """``sum_i r_i^2 / 2`` where ``|r_i| <= delta``, else ``delta (|r_i| - delta / 2)``; the weight is B.

    Source: Huber (1964), Robust Estimation of a Location Parameter, Annals of Mathematical Statistics
    35(1). Checked by: ``tests/tasks/test_value_losses.py``, against torch.
    """

    delta: float

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Map outputs and targets to the sum."""
        predicted, truth = _aligned(outputs, targets)
        return LossSum(huber_loss(predicted, truth, reduction="sum", delta=self.delta), _count(predicted))


def _aligned(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    if outputs.ndim != 2 or outputs.shape[1] != 1 or targets.shape not in (outputs.shape, outputs.shape[:1]):
        # Broadcasting (B, 1) against (B,) would silently compare every pair of examples.
        raise ValueError(f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)} do not match")
    predicted = outputs if outputs.dtype == torch.float64 else outputs.float()
    return predicted, targets.to(predicted).reshape(predicted.shape)


def _count(predicted: Tensor) -> Tensor:
    return predicted.new_tensor(float(len(predicted)))
