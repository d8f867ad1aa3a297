"""Optimizers against torch's plain ones, also where weights are laid out channels-last."""

import pytest
import torch
from torch import nn, optim

from crosstune.core.settings import Settings
from crosstune.training.optimizers import make_optimizer, set_rates
from crosstune.training.parameters import Group
from crosstune.training.update import match_layouts
from tests.training.small import plain


def _weights() -> list[nn.Parameter]:
    torch.manual_seed(0)
    kernel = torch.randn(8, 4, 3, 3).contiguous(memory_format=torch.channels_last)
    return [nn.Parameter(kernel), nn.Parameter(torch.randn(5))]


def _groups(weights: list[nn.Parameter]) -> list[Group]:
    return [{"params": weights, "lr": 0.01, "peak": 0.01, "weight_decay": 0.1}]


def _plain(settings: Settings, weights: list[nn.Parameter]) -> optim.Optimizer:
    if settings.optimizer == "sgd":
        return optim.SGD(_groups(weights), momentum=settings.momentum, foreach=False)
    kind = optim.AdamW if settings.optimizer == "adamw" else optim.Adam
    return kind(_groups(weights), foreach=False)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_the_fused_optimizer_equals_the_plain_one(name: str) -> None:
    settings = plain(optimizer=name, momentum=0.8)
    ours, theirs = _weights(), _weights()
    optimizers = [make_optimizer(settings, _groups(ours)), _plain(settings, theirs)]
    for step in range(3):
        for weights, optimizer in zip((ours, theirs), optimizers, strict=True):
            torch.manual_seed(step)
            for weight in weights:
                weight.grad = torch.randn(weight.shape)  # contiguous, whatever the layout of the weight
            match_layouts(weights)
            set_rates(optimizer, 0.5)
            optimizer.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_schedule_free_is_ready_to_train() -> None:
    optimizer = make_optimizer(plain(optimizer="schedule-free"), _groups(_weights()))
    assert optimizer.param_groups[0]["train_mode"]
    set_rates(optimizer, 0.25)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0025)
