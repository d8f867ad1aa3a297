"""Numerics for several trainings: measured, kept to what was asked, and nothing has moved."""

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.tasks.registry import make_task
from crosstune.training import session as module
from crosstune.training.numerics import numerics_for
from crosstune.training.precision import Numerics
from tests.training.small import coloured, convolutional, plain

ITEMS = coloured(32)
TASK = make_task("image-classification", ITEMS.targets())


def test_it_may_take_a_twentieth_of_all_and_leaves_the_model_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def chosen(*_: object, allowed: float, **__: object) -> Numerics:
        asked.append(allowed)
        return Numerics(bf16=True, channels_last=True, seconds={})

    monkeypatch.setattr(module, "choose_numerics", chosen)
    backbone = convolutional(3)
    before = {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}
    settings = plain(strategy="full", precision="auto", memory_format="auto")
    found = numerics_for(backbone, TASK, ITEMS, settings, budget=Budget(100.0), reporter=Silent())
    assert found == ("bf16", "channels-last")
    assert asked == [pytest.approx(5.0, abs=0.5)]
    after = backbone.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_what_was_asked_for_stays() -> None:
    settings = plain(strategy="full", precision="fp32", memory_format="channels-last")
    found = numerics_for(convolutional(3), TASK, ITEMS, settings, budget=Budget(None), reporter=Silent())
    assert found == ("fp32", "channels-last")
