"""Losses of exclusive classes. Shapes: B batch, K classes.

Every loss is ``sum_i w_i l_i`` over the batch with the weight ``sum_i w_i``, where ``w_i`` is the weight
of the example's class. Soft targets ``t`` (mixup, CutMix) give ``l_i = sum_k w_k t_ik l_ik`` and the
weight ``sum_k w_k t_ik``, so that a one-hot target is the special case of a hard one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot

from crosstune.core.errors import BadValue
from crosstune.core.settings import Settings
from crosstune.tasks.base import LossSum
from crosstune.tasks.class_weights import class_weights, effective_number
from crosstune.tasks.numerics import Floats

SMALLEST_DOUBT = 1e-6
"""Floor of ``1 - p`` in the focal factor: below it the loss is under 1e-6 anyway, and for a gamma
under 1 the derivative of ``(1 - p)^gamma`` at p = 1 is infinite."""


def soft_targets(targets: Tensor, logits: Tensor) -> Tensor:
    """Class indices ``(B,)`` or soft targets ``(B, K)`` as soft targets in the logits' type."""
    if targets.shape == logits.shape:
        return targets.to(logits)
    if targets.shape != logits.shape[:1] or targets.is_floating_point():
        raise ValueError(
            f"targets must be integers of shape {tuple(logits.shape[:1])} or of shape "
            f"{tuple(logits.shape)}, got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    return one_hot(targets.to(logits.device, torch.int64), logits.shape[1]).to(logits)


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """``l_k = -log softmax(z + shift)_k`` with targets smoothed towards the uniform distribution.

    With ``smoothing`` 0 and no shift: cross-entropy, in nats. Label smoothing e (Szegedy et al. 2016,
    arXiv:1512.00567): targets ``(1 - e) t + e / K``; the weight stays that of the unsmoothed target, as
    in ``torch.nn.functional.cross_entropy``. A shift of ``log prior`` is the logit-adjusted loss (Menon
    et al. 2021, arXiv:2007.07314, tau = 1), also called balanced softmax: the model's own outputs then
    rank classes as if all were equally frequent.
    Checked by: ``tests/tasks/test_class_losses.py``, against torch.
    """

    weights: Tensor
    """``(K,)``."""
    smoothing: float = 0.0
    shift: Tensor | None = None
    """``(K,)``, added to the logits in training only."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Map logits ``(B, K)`` and targets ``(B,)`` or ``(B, K)`` to the weighted sum."""
        logits = _at_least_float32(outputs)
        wanted = soft_targets(targets, logits)
        weights = self.weights.to(logits)
        adjusted = logits if self.shift is None else logits + self.shift.to(logits)
        smoothed = (1.0 - self.smoothing) * wanted + self.smoothing / logits.shape[1]
        total = -(weights * smoothed * log_softmax(adjusted, dim=1)).sum()
        return LossSum(total, (weights * wanted).sum())


@dataclass(frozen=True, kw_only=True)
class Focal:
    """``l_k = -(1 - p_k)^gamma log p_k``, p the softmax: easy examples count less.

    Gamma 0 is cross-entropy. Source: Lin et al. (2017), Focal Loss for Dense Object Detection,
    arXiv:1708.02002, with softmax in place of sigmoid. The focal factor is part of the loss, not of the
    weight. Checked by: ``tests/tasks/test_class_losses.py``, against the formula in plain Python.
    """

    weights: Tensor
    """``(K,)``."""
    gamma: float

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Map logits ``(B, K)`` and targets ``(B,)`` or ``(B, K)`` to the weighted sum."""
        logits = _at_least_float32(outputs)
        wanted = soft_targets(targets, logits) * self.weights.to(logits)
        logs = log_softmax(logits, dim=1)
        doubt = (-torch.expm1(logs)).clamp(min=SMALLEST_DOUBT)
        return LossSum(-(wanted * doubt**self.gamma * logs).sum(), wanted.sum())


def class_loss(
    name: str, settings: Settings, counts: Floats, names: tuple[str, ...]
) -> Callable[[Tensor, Tensor], LossSum]:
    """Build a loss of exclusive classes.

    Args:
        name: one of ``cross-entropy``, ``label-smoothing``, ``focal``, ``class-balanced`` (Cui et al.
            2019) and ``logit-adjusted``.
        settings: the run's settings; ``class_weights``, ``label_smoothing`` and ``focal_gamma`` are read.
        counts: ``(K,)``, training examples of each class.
        names: the K class names.

    Raises:
        BadValue: class weights together with ``class-balanced``, which brings its own.
    """
    if name == "class-balanced" and settings.class_weights != "none":
        raise BadValue(
            "two settings weigh the classes",
            found=f"loss=class-balanced with class_weights={settings.class_weights}",
            expected="one of them",
            fix="set class_weights=none, or loss=cross-entropy",
        )
    balanced = name == "class-balanced"
    chosen = effective_number(counts) if balanced else class_weights(settings.class_weights, counts, names)
    weights = torch.from_numpy(chosen)
    if name == "focal":
        return Focal(weights=weights, gamma=settings.focal_gamma)
    smoothing = settings.label_smoothing if name == "label-smoothing" else 0.0
    shift = torch.from_numpy(log_prior(counts)) if name == "logit-adjusted" else None
    return CrossEntropy(weights=weights, smoothing=smoothing, shift=shift)


def log_prior(counts: Floats) -> Floats:
    """``log(n_k / N)`` in nats; a declared class without examples counts as one example."""
    result: Floats = np.log(np.maximum(counts, 1.0) / counts.sum())
    return result


def _at_least_float32(outputs: Tensor) -> Tensor:
    return outputs if outputs.dtype == torch.float64 else outputs.float()
