"""What the trainings of all tasks about places have in common in their tests."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.tiny import MemoryItems
from tests.training.small import plain
from tests.training.test_speech import Ends, distance, weights
from tests.training.test_update import micro_batches, updater

Opened = Callable[[], tuple[Backbone, Task]]
"""Opens a new copy of one model, with the task that was bound to it."""


def micro_batches_agree(backbone: Backbone, task: Task, items: MemoryItems, **values: Any) -> None:
    """Hold loss and gradient of 4 x 2 and of 5 + 3 examples against those of 8 x 1, in double precision."""
    settings = plain(optimizer="sgd", lr=1.0, momentum=0.0, clip_norm=0.0, **values)
    found = []
    for sizes in ([8], [2, 2, 2, 2], [5, 3]):
        one = replace(backbone, model=copy.deepcopy(backbone.model).double())
        batches = [
            replace(part, batch={name: tensor.double() for name, tensor in part.batch.items()})
            for part in micro_batches(one, task, items, sizes)
        ]
        value = updater(one, task, items, settings)(batches, step=0, epoch=0)
        found.append((value, {n: p.grad for n, p in one.model.named_parameters() if p.grad is not None}))
    assert any(gradient.abs().sum() > 0 for gradient in found[0][1].values())
    for value, gradients in found[1:]:
        assert value == pytest.approx(found[0][0], rel=1e-6)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name], rtol=1e-6, atol=1e-9)


def trained(
    opened: Opened, parts: tuple[MemoryItems, MemoryItems], work: Path, *,
    resume: bool = False, reporter: Any = None, **values: Any,
) -> tuple[Backbone, TrainResult]:  # fmt: skip
    """Train on the first part for two epochs of steps of four, validate on the second."""
    backbone, task = opened()
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 4, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    result = train(
        backbone, task, *parts, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


def goes_on_bit_for_bit(
    opened: Opened, parts: tuple[MemoryItems, MemoryItems], folder: Path, metric: str, **values: Any
) -> None:
    """Hold a training that was broken off after four of its six steps, and taken up, against a whole one."""
    whole, one = trained(opened, parts, folder / "whole", **values)
    with pytest.raises(Interrupted):
        trained(opened, parts, folder / "broken", reporter=Ends(4), **values)
    again, two = trained(opened, parts, folder / "broken", resume=True, **values)
    assert one.steps == two.steps == 6
    assert [row[metric] for row in one.history] == [row[metric] for row in two.history]
    found = weights(whole)
    assert distance(found, weights(opened()[0])) > 0
    for name, tensor in weights(again).items():
        assert torch.equal(tensor, found[name]), name
