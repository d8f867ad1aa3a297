"""The loss of independent labels. Shapes: B batch, K labels."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from crosstune.tasks.base import LossSum
from crosstune.tasks.numerics import Floats

LARGEST_POSITIVE_WEIGHT = 10.0
"""ASSUMED: ORCA (Shen et al. 2023, arXiv:2302.05738) used 4 to 10."""


def positive_weights(targets: Floats) -> Floats:
    """``n_negative / n_positive`` of each label of ``(N, K)`` targets, held in [1/10, 10].

    The lower end keeps a label learnable that nearly every example has.
    """
    positive = targets.sum(axis=0)
    ratio = (len(targets) - positive) / np.maximum(positive, 1e-9)
    weights: Floats = np.clip(ratio, 1.0 / LARGEST_POSITIVE_WEIGHT, LARGEST_POSITIVE_WEIGHT)
    return weights


@dataclass(frozen=True, kw_only=True)
class BinaryCrossEntropy:
    """``sum_ik w_k (-c_k t_ik log s_ik - (1 - t_ik) log(1 - s_ik))``, s the sigmoid, in nats.

    The weight is ``B sum_k w_k``. Positive weights ``c`` answer rare labels; they are no part of the
    weight, as in ``torch.nn.BCEWithLogitsLoss``. With c other than 1 the sigmoid is no calibrated
    probability: the label's log odds are shifted by ``log c_k``.
    Checked by: ``tests/tasks/test_multi_label_losses.py``, against torch.
    """

    positive: Tensor
    """``(K,)``, c."""
    weights: Tensor
    """``(K,)``, w."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Map logits ``(B, K)`` and targets ``(B, K)`` in [0, 1] to the weighted sum."""
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        if targets.shape != logits.shape:
            raise ValueError(f"targets must have the shape {tuple(logits.shape)}, got {tuple(targets.shape)}")
        weights = self.weights.to(logits)
        total = binary_cross_entropy_with_logits(
            logits,
            targets.to(logits),
            weight=weights,
            pos_weight=self.positive.to(logits),
            reduction="sum",
        )
        return LossSum(total, weights.sum() * len(logits))
