"""The range test finds a rate that trains, refuses those that do not, and leaves the model as it was."""

import copy
import math
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from crosstune.core.clock import Budget
from crosstune.core.head import HeadWeights
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training import range_test as module
from crosstune.training.range_test import FEWEST_STEPS, MOST_STEPS, RangeTest, range_test, rates_of
from tests.training.small import coloured, convolutional, flat, plain

ITEMS = coloured(96)
TASK = make_task("image-classification", ITEMS.targets())
HEAD = HeadWeights(
    features="head", kind="ridge", weight=np.random.default_rng(0).normal(size=(3, 8)), bias=np.zeros(3),
    penalty=1.0,
)  # fmt: skip


def measured(backbone: Backbone, **values: Any) -> RangeTest:
    head = HEAD if values.get("strategy") == "lp-ft" else None
    settings = plain(**{"strategy": "full", "batch_size": 8, **values})
    return range_test(backbone, TASK, ITEMS, settings, budget=Budget(None), head=head)


@pytest.mark.parametrize(
    ("strategy", "optimizer"),
    [("full", "adamw"), ("lp-ft", "sgd"), ("last", "schedule-free"), ("lora", "adam"), ("gradual", "adamw")],
)
def test_nothing_is_left_behind(strategy: str, optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", FEWEST_STEPS)  # coarse, and quick
    backbone = convolutional(3, dropout=0.2)
    before = copy.deepcopy(backbone.model.state_dict())
    state, plain_state, numpy_state = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]
    found = measured(
        backbone, strategy=strategy, optimizer=optimizer, batchnorm="train", augment="flip+mixup"
    )
    assert FEWEST_STEPS // 2 <= len(found.rates) <= FEWEST_STEPS
    assert found.largest is not None
    after = backbone.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == plain_state
    assert (np.random.get_state()[1] == numpy_state).all()
    assert all(p.requires_grad and p.grad is None for p in backbone.model.parameters())


def test_the_same_test_gives_the_same_curve_and_its_rate_trains() -> None:
    backbone = flat(3)
    first, again = measured(backbone, lr=0.1), measured(backbone, lr=0.1)
    assert (first.rates, first.losses, first.largest) == (again.rates, again.losses, again.largest)
    assert first.largest is not None
    assert 1e-3 < first.largest <= 1.0
    assert min(first.losses) < 0.5 * first.start
    assert first.sweep == (first.largest, first.largest / 3, first.largest / 10)
    row = first.measurement("full", seed=3)
    assert (row.metric.value, row.detail["rates"], row.seed) == (first.largest, list(first.rates), 3)


def test_the_other_rates_keep_their_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", FEWEST_STEPS)
    seen: list[dict[int, float]] = []
    make_updater = module.make_updater

    def watched(session: Any, forward: nn.Module, optimizer: Any) -> Any:
        update = make_updater(session, forward, optimizer)

        def step(*parts: Any, **named: Any) -> float:
            seen.append({group["block"]: group["lr"] for group in optimizer.param_groups})
            return update(*parts, **named)

        return step

    monkeypatch.setattr(module, "make_updater", watched)
    found = measured(convolutional(3), lr=2e-4, head_lr=1e-3, layer_decay=0.5)
    assert found.head_share == pytest.approx(5.0)
    moved = [rates for rates in seen if rates[2] > 0]
    assert [rates[2] for rates in moved][: len(found.rates)] == pytest.approx(found.rates)
    for rates in moved:
        assert [rates[block] / rates[2] for block in range(4)] == pytest.approx([0.25, 0.5, 1.0, 5.0])
    assert found.largest is not None
    assert found.largest_head == pytest.approx(5.0 * found.largest)


class Broken(nn.Module):
    """A head whose outputs become NaN after some calls."""

    def __init__(self, inner: nn.Linear, good: int) -> None:
        super().__init__()
        self.inner, self.left = inner, good

    def forward(self, x: Tensor) -> Tensor:
        """Count down."""
        self.left -= 1
        return self.inner(x) * (1.0 if self.left >= 0 else math.nan)


@pytest.mark.parametrize(("good", "words"), [(0, "before any weight"), (6, "even the smallest")])
def test_a_loss_that_is_nan_has_an_answer(good: int, words: str) -> None:
    backbone = flat(3)
    backbone.model.body = nn.Sequential(nn.Flatten(), Broken(nn.Identity(), good))  # type: ignore[arg-type]
    found = measured(backbone)
    assert (found.largest, found.stopped) == (None, "not finite")
    assert words in found.because
    assert math.isnan(found.measurement("x", seed=0).metric.value)
    assert found.sweep == ()


def test_a_loss_that_nothing_moves_is_flat() -> None:
    backbone = flat(3)
    with torch.no_grad():
        backbone.model.head.weight.zero_()
    backbone.model.body = nn.Sequential(nn.Flatten(), nn.Hardtanh(0.0, 1e-12))
    found = measured(backbone, head_lr=0.0, weight_decay=0.0)
    assert (found.largest, found.stopped, len(found.rates)) == (None, "range", MOST_STEPS)
    assert "the same at all rates" in found.because


def test_a_budget_too_small_for_a_curve_is_not_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(np.arange(0.0, 1e6))  # every look at the clock is a second later
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(now)))
    found = measured(flat(3))
    assert len(found.rates) == MOST_STEPS or found.stopped == "diverged"
    clock = Budget(800.0, started=0.0)
    now = iter(np.arange(0.0, 1e6))
    found = range_test(flat(3), TASK, ITEMS, plain(strategy="full"), budget=clock, share=0.02)
    assert (found.largest, found.stopped, found.rates) == (None, "budget", ())


def test_memory_that_runs_out_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = flat(3)
    before = backbone.model.head.weight.detach().clone()

    def greedy(*_: Any, **__: Any) -> float:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(module, "make_updater", lambda *_: greedy)
    found = measured(backbone)
    assert (found.largest, found.stopped) == (None, "memory")
    assert torch.equal(backbone.model.head.weight, before)


def test_rates_are_geometric_and_go_further_for_sgd() -> None:
    rates = rates_of(8, "adamw")
    assert (rates[0], rates[-1]) == (pytest.approx(1e-7), pytest.approx(1.0))
    assert np.allclose(np.diff(np.log10(rates)), 1.0)
    assert rates_of(8, "sgd")[-1] == pytest.approx(10.0)
