"""One effective step: closed forms, micro-batches, uneven weights, and what must not be applied."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.tasks.base import LossSum, Task
from crosstune.tasks.registry import make_task
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.forward import Forward
from crosstune.training.loader import Loaded, as_targets
from crosstune.training.optimizers import make_optimizer
from crosstune.training.parameters import parameter_groups
from crosstune.training.update import Updater
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone
from tests.training.small import coloured, flat, plain


def task_for(items: MemoryItems, name: str = "image-classification") -> Task:
    return make_task(name, items.targets())


def updater(backbone: Backbone, task: Task, items: MemoryItems, settings: Settings) -> Updater:
    return Updater(
        forward=Forward(backbone), optimizer=make_optimizer(settings, parameter_groups(backbone, settings)),
        loss=task.make_loss(settings, task.encode(items.targets())), accelerator=Accelerator(cpu=True),
        items=items, seed=0, clip_norm=settings.clip_norm,
    )  # fmt: skip


def micro_batches(backbone: Backbone, task: Task, items: MemoryItems, sizes: Sequence[int]) -> list[Loaded]:
    encoded = task.encode(items.targets())
    edges = np.cumsum([0, *sizes])
    parts = [np.arange(a, b) for a, b in pairwise(edges)]
    return [
        Loaded(part, backbone.preprocessing(items.batch(part.tolist())), as_targets(task, encoded[part]))
        for part in parts
    ]


def test_a_step_of_sgd_on_a_linear_model_is_its_closed_form() -> None:
    items, backbone = coloured(12), flat(3)
    task = task_for(items)
    settings = plain(optimizer="sgd", lr=0.3, momentum=0.0, weight_decay=0.01, clip_norm=0.0)
    head = backbone.head_module()
    weight, bias = head.weight.detach().double().clone(), head.bias.detach().double().clone()
    x = backbone.preprocessing(items.batch(range(12)))["x"].flatten(1).double()
    truth = torch.eye(3, dtype=torch.float64)[torch.from_numpy(task.encode(items.targets()))]
    probability = (x @ weight.T + bias).softmax(1)
    loss = updater(backbone, task, items, settings)(
        micro_batches(backbone, task, items, [12]), step=0, epoch=0
    )
    assert loss == pytest.approx(float(-(truth * probability.log()).sum(1).mean()), rel=1e-5)
    gradient = (probability - truth).T @ x / 12
    expected = weight - 0.3 * (gradient + 0.01 * weight)
    torch.testing.assert_close(head.weight.double(), expected, rtol=1e-5, atol=1e-6)
    moved = bias - 0.3 * (probability - truth).mean(0)
    torch.testing.assert_close(head.bias.double(), moved, rtol=1e-5, atol=1e-6)


def test_clipping_shortens_the_gradient_to_the_norm() -> None:
    items, backbone = coloured(12), flat(3)
    task = task_for(items)
    before = [parameter.detach().clone() for parameter in backbone.model.parameters()]
    settings = plain(optimizer="sgd", lr=1.0, momentum=0.0, weight_decay=0.0, clip_norm=0.05)
    updater(backbone, task, items, settings)(micro_batches(backbone, task, items, [12]), step=0, epoch=0)
    moved = [(new - old).flatten() for new, old in zip(backbone.model.parameters(), before, strict=True)]
    assert float(torch.cat(moved).detach().norm()) == pytest.approx(0.05, rel=1e-5)


@pytest.mark.parametrize("weights", ["none", "auto"])
def test_8_x_1_equals_4_x_2_for_bert(weights: str, tmp_path: Path) -> None:
    values = ["a", "a", "b", "a", "c", "a", "b", "a"]
    items = MemoryItems(random_texts(8), values)
    task = task_for(items, "text-classification")
    settings = plain(optimizer="sgd", lr=1.0, momentum=0.0, clip_norm=0.0, class_weights=weights)
    backbone = tiny_backbone("bert", 3, tmp_path)
    backbone.model.eval()  # no dropout
    found = []
    for sizes in ([8], [2, 2, 2, 2], [5, 3]):
        one = replace(backbone, model=copy.deepcopy(backbone.model))
        loss = updater(one, task, items, settings)(micro_batches(one, task, items, sizes), step=0, epoch=0)
        found.append((loss, {name: p.grad for name, p in one.model.named_parameters()}))
    for loss, gradients in found[1:]:
        assert loss == pytest.approx(found[0][0], abs=1e-6)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name], rtol=0, atol=1e-6)


def test_a_micro_batch_that_does_not_count_changes_nothing() -> None:
    items = coloured(12)
    task = task_for(items)
    results = []
    for extra in (False, True):
        torch.manual_seed(0)
        backbone = flat(3)
        loaded = micro_batches(backbone, task, items, [12])
        if extra:
            loaded.append(replace(loaded[0], counts=False))
        loss = updater(backbone, task, items, plain())(loaded, step=0, epoch=0)
        results.append((loss, backbone.head_module().weight.detach()))
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])


class Explodes(nn.Module):
    """Gives finite outputs, and with ``where='gradient'`` an infinite gradient."""

    def __init__(self, inner: nn.Module, where: str) -> None:
        super().__init__()
        self.inner, self.where = inner, where

    def forward(self, batch: dict[str, torch.Tensor], activation: None) -> torch.Tensor:
        """Spoil what the inner module gives."""
        outputs: torch.Tensor = self.inner(batch, activation)
        if self.where == "loss":
            return outputs * float("nan")
        zero = (outputs - outputs).abs()
        return outputs + zero.sqrt()


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_finite_stops_before_the_update(where: str) -> None:
    items, backbone = coloured(6), flat(3)
    task = task_for(items)
    before = copy.deepcopy(backbone.model.state_dict())
    update = updater(backbone, task, items, plain())
    broken = replace(update, forward=Explodes(update.forward, where))
    with pytest.raises(NonFiniteLoss, match=f"the {where} of step 7") as caught:
        broken(micro_batches(backbone, task, items, [4]), step=7, epoch=2)
    assert caught.value.origins == tuple(f"memory:{index}" for index in range(4))
    for name, tensor in backbone.model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not update.optimizer.state


def test_a_batch_without_weight_is_no_update() -> None:
    items, backbone = coloured(6), flat(3)
    task = task_for(items)
    before = backbone.head_module().weight.detach().clone()
    update = updater(backbone, task, items, plain())
    nothing = replace(update, loss=lambda outputs, _: LossSum(outputs.sum() * 0.0, torch.zeros(())))
    assert nothing(micro_batches(backbone, task, items, [2]), step=0, epoch=0) == 0.0
    assert torch.equal(backbone.head_module().weight, before)
    assert not update.optimizer.state
