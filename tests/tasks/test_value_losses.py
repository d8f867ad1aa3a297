"""Losses of values against torch."""

import numpy as np
import pytest
import torch
from torch.nn.functional import huber_loss, mse_loss

from crosstune.tasks.value_losses import Huber, SquaredError, huber_delta

OUTPUTS = 3 * torch.randn(12, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
TARGETS = torch.randn(12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_squared_error_is_torchs_and_compares_no_pairs() -> None:
    total, weight = SquaredError()(OUTPUTS, TARGETS)
    assert weight.item() == 12
    assert (total / weight).item() == pytest.approx(mse_loss(OUTPUTS[:, 0], TARGETS).item(), rel=1e-12)


@pytest.mark.parametrize("delta", [0.3, 2.0])
def test_huber_is_torchs(delta: float) -> None:
    total, weight = Huber(delta=delta)(OUTPUTS, TARGETS)
    expected = huber_loss(OUTPUTS[:, 0], TARGETS, delta=delta).item()
    assert (total / weight).item() == pytest.approx(expected, rel=1e-12)


def test_delta_is_1345_robust_standard_deviations() -> None:
    targets = np.array([-2.0, -1.0, 0.0, 1.0, 7.0])  # median 0, deviations 2 1 0 1 7: median 1
    assert huber_delta(targets) == pytest.approx(1.345 * 1.4826)
    normal = np.random.default_rng(0).normal(size=20_000)
    assert huber_delta(normal) == pytest.approx(1.345, rel=0.02)


def test_delta_stays_positive_where_most_targets_are_equal() -> None:
    assert huber_delta(np.array([0.0, 0.0, 0.0, 3.0])) == 1.345


def test_other_shapes_are_refused() -> None:
    for outputs, targets in ((OUTPUTS[:, 0], TARGETS), (OUTPUTS, TARGETS[:5]), (OUTPUTS, TARGETS[None])):
        with pytest.raises(ValueError, match="do not match"):
            SquaredError()(outputs, targets)
