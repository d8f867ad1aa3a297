"""Losses of exclusive classes against torch and the formulas in plain Python."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from crosstune.core.errors import BadValue
from crosstune.core.settings import Settings
from crosstune.tasks.class_losses import class_loss, log_prior
from crosstune.tasks.class_weights import effective_number

NAMES = ("a", "b", "c")
COUNTS = np.array([6.0, 3.0, 1.0])
LOGITS = torch.randn(10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
TARGETS = torch.tensor([0, 0, 1, 2, 1, 0, 2, 2, 1, 0])
WEIGHTS = {"a": 0.5, "b": 2.0, "c": 3.0}
TENSOR = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)


def mean(name: str, targets: Tensor = TARGETS, logits: Tensor = LOGITS, **settings: Any) -> float:
    total, weight = class_loss(name, Settings(**settings), COUNTS, NAMES)(logits, targets)
    return (total / weight).item()


def test_weighted_cross_entropy_is_torchs() -> None:
    expected = cross_entropy(LOGITS, TARGETS, weight=TENSOR, reduction="mean").item()
    assert mean("cross-entropy", class_weights=WEIGHTS) == pytest.approx(expected, rel=1e-12)


def test_label_smoothing_is_torchs_with_and_without_weights() -> None:
    plain = cross_entropy(LOGITS, TARGETS, label_smoothing=0.2).item()
    assert mean("label-smoothing", label_smoothing=0.2) == pytest.approx(plain, rel=1e-12)
    weighted = cross_entropy(LOGITS, TARGETS, weight=TENSOR, label_smoothing=0.2).item()
    ours = mean("label-smoothing", label_smoothing=0.2, class_weights=WEIGHTS)
    assert ours == pytest.approx(weighted, rel=1e-12)


def test_the_smoothing_of_the_settings_touches_no_other_loss() -> None:
    assert mean("cross-entropy", label_smoothing=0.5) == mean("cross-entropy", label_smoothing=0.0)


def test_soft_targets_are_torchs() -> None:
    soft = torch.softmax(torch.flip(LOGITS, (0,)), dim=1)
    assert mean("cross-entropy", soft) == pytest.approx(cross_entropy(LOGITS, soft).item(), rel=1e-12)


@pytest.mark.parametrize("name", ["cross-entropy", "label-smoothing", "focal", "logit-adjusted"])
def test_one_hot_soft_targets_are_hard_targets(name: str) -> None:
    soft = one_hot(TARGETS, 3).float()
    assert mean(name, soft, class_weights=WEIGHTS) == pytest.approx(mean(name, class_weights=WEIGHTS))


def test_focal_is_the_formula() -> None:
    expected = 0.0
    for row, target in zip(LOGITS.tolist(), TARGETS.tolist(), strict=True):
        p = math.exp(row[target]) / sum(map(math.exp, row))
        expected += TENSOR[target].item() * -((1 - p) ** 2.5) * math.log(p)
    total, weight = class_loss("focal", Settings(focal_gamma=2.5, class_weights=WEIGHTS), COUNTS, NAMES)(
        LOGITS, TARGETS
    )
    assert total.item() == pytest.approx(expected, rel=1e-12)
    assert weight.item() == TENSOR[TARGETS].sum().item()


def test_focal_with_gamma_zero_is_cross_entropy() -> None:
    assert mean("focal", focal_gamma=0.0) == pytest.approx(mean("cross-entropy"), rel=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_gradient_is_finite_where_the_model_is_certain(gamma: float) -> None:
    logits = torch.tensor([[80.0, -80.0], [-80.0, 80.0]], requires_grad=True)
    loss = class_loss("focal", Settings(focal_gamma=gamma), np.array([1.0, 1.0]), ("a", "b"))
    loss(logits, torch.tensor([0, 0])).total.backward()
    assert torch.isfinite(logits.grad).all()


def test_logit_adjusted_is_cross_entropy_on_shifted_logits() -> None:
    shift = torch.log(torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64))
    expected = cross_entropy(LOGITS + shift, TARGETS).item()
    assert mean("logit-adjusted") == pytest.approx(expected, rel=1e-12)
    assert np.isfinite(log_prior(np.array([5.0, 0.0]))).all()


def test_class_balanced_is_cross_entropy_weighted_by_effective_numbers() -> None:
    weight = torch.from_numpy(effective_number(COUNTS))
    expected = cross_entropy(LOGITS, TARGETS, weight=weight).item()
    assert mean("class-balanced") == pytest.approx(expected, rel=1e-12)


def test_class_balanced_refuses_further_weights() -> None:
    with pytest.raises(BadValue, match="two settings weigh the classes"):
        mean("class-balanced", class_weights="auto")


def test_half_precision_outputs_are_summed_in_float32() -> None:
    total, weight = class_loss("cross-entropy", Settings(), COUNTS, NAMES)(LOGITS.bfloat16(), TARGETS)
    assert total.dtype == weight.dtype == torch.float32


@pytest.mark.parametrize("targets", [torch.zeros(10), torch.zeros(9, dtype=torch.int64), torch.zeros(10, 2)])
def test_targets_of_another_shape_or_type_are_refused(targets: Tensor) -> None:
    with pytest.raises(ValueError, match="targets must be"):
        mean("cross-entropy", targets)
