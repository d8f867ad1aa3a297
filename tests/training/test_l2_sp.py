"""L2-SP: its gradient is autograd's, its fixed point the closed form, and it costs one copy of what moves."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings
from crosstune.frozen.freeze import freeze
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.l2_sp import make_l2_sp
from crosstune.training.run import train
from tests.training.small import coloured, convolutional, flat, plain
from tests.training.test_update import micro_batches, updater

TRAIN, VALIDATION = coloured(24), coloured(12, seed=1)
TASK = make_task("image-classification", TRAIN.targets())


def moved_away(backbone: Backbone, size: float = 0.1) -> None:
    """Take the weights away from their start."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in backbone.model.parameters():
            parameter.add_(size * torch.randn_like(parameter))


def penalised(settings: Settings, sizes: list[int], *, clip: float = 0.0) -> dict[str, torch.Tensor]:
    """Give the gradients of one step, from weights that are not where they started."""
    backbone = convolutional(3)
    backbone.model.eval()  # BatchNorm would see the micro-batches
    one = replace(updater(backbone, TASK, TRAIN, settings), l2_sp=make_l2_sp(backbone, settings))
    moved_away(backbone)
    one(micro_batches(backbone, TASK, TRAIN, sizes), step=0, epoch=0)
    return {name: p.grad.clone() for name, p in backbone.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("sizes", [[24], [6, 6, 6, 6], [23, 1]])
def test_the_gradient_of_a_step_is_that_of_the_mean_loss_and_the_penalty(sizes: list[int]) -> None:
    settings = plain(optimizer="sgd", lr=1.0, clip_norm=0.0, l2_sp=0.7, l2_sp_head=0.3)
    found = penalised(settings, sizes)
    backbone = convolutional(3)
    backbone.model.eval()
    start = copy.deepcopy(backbone.model)
    moved_away(backbone)
    batch = micro_batches(backbone, TASK, TRAIN, [24])[0]
    loss = torch.nn.functional.cross_entropy(backbone.model(**batch.batch), batch.targets)
    for (name, now), before in zip(backbone.model.named_parameters(), start.parameters(), strict=True):
        pull = (
            0.3 / 2 * now.square() if name.startswith("head.") else 0.7 / 2 * (now - before.detach()).square()
        )
        loss = loss + pull.sum()
    loss.backward()
    for name, parameter in backbone.model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_the_value_has_the_gradient_that_is_added() -> None:
    backbone, settings = convolutional(3), plain(l2_sp=0.5, l2_sp_head=0.2)
    penalty = make_l2_sp(backbone, settings)
    assert penalty is not None
    moved_away(backbone)
    parameters = list(backbone.model.parameters())
    penalty.value(parameters).backward()
    expected = [one.grad.clone() for one in parameters if one.grad is not None]
    for one in parameters:
        one.grad = torch.zeros_like(one)
    penalty.add_to_gradients(parameters, 3.0)
    for one, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(one.grad, 3.0 * gradient)


def test_clipping_counts_the_penalty() -> None:
    settings = plain(optimizer="sgd", lr=1.0, clip_norm=0.05, l2_sp=50.0)
    gradients = penalised(settings, [24])
    assert float(torch.cat([one.flatten() for one in gradients.values()]).norm()) == pytest.approx(
        0.05, rel=1e-4
    )


def test_only_what_moves_is_copied_and_off_is_nothing() -> None:
    backbone = convolutional(3)
    freeze(backbone, 2)
    penalty = make_l2_sp(backbone, plain(l2_sp=0.1))
    assert penalty is not None
    assert set(penalty.start) == {id(one) for one in backbone.model.second.parameters()}
    assert make_l2_sp(backbone, plain()) is None


def fitted(work: Path, **values: Any) -> Backbone:
    settings = plain(**{"strategy": "full", "lr": 0.1, "epochs": 30, "batch_size": 24, "optimizer": "sgd",
                        "momentum": 0.0, "clip_norm": 0.0, "weight_decay": 0.0, "schedule": "constant",
                        "engine": "torch", **values})  # fmt: skip
    backbone = values.pop("backbone", None) or convolutional(3)
    train(backbone, TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=work, reporter=Silent())
    return backbone


def distance(backbone: Backbone) -> float:
    pairs = zip(backbone.model.named_parameters(), convolutional(3).model.parameters(), strict=True)
    apart = [(a - b).detach().square().sum() for (name, a), b in pairs if not name.startswith("head")]
    return float(torch.stack(apart).sum())


def test_a_stronger_pull_leaves_the_body_nearer_to_its_start(tmp_path: Path) -> None:
    found = [distance(fitted(tmp_path / str(alpha), l2_sp=alpha)) for alpha in (0.0, 1.0, 10.0)]
    assert found[0] > 1.5 * found[1]
    assert found[1] > 10 * found[2]


def test_with_a_linear_model_the_head_settles_where_loss_and_penalty_balance() -> None:
    backbone, beta = flat(3), 2.0
    settings = plain(optimizer="sgd", lr=0.02, momentum=0.0, clip_norm=0.0, weight_decay=0.0, l2_sp=0.1,
                     l2_sp_head=beta)  # fmt: skip
    one = replace(updater(backbone, TASK, TRAIN, settings), l2_sp=make_l2_sp(backbone, settings))
    loaded = micro_batches(backbone, TASK, TRAIN, [24])
    for step in range(400):
        one(loaded, step=step, epoch=0)
    weight = backbone.head_module().weight.detach()
    x = loaded[0].batch["x"].flatten(1)
    probability = backbone.model(loaded[0].batch["x"]).detach().softmax(1)
    gradient = (probability - torch.eye(3)[loaded[0].targets]).T @ x / 24
    torch.testing.assert_close(beta * weight, -gradient, rtol=1e-3, atol=1e-5)


def test_the_suffix_on_stored_activations_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    values: dict[str, Any] = {"strategy": "last", "epochs": 3, "batch_size": 8, "l2_sp": 0.5}
    runs = [fitted(tmp_path / cache, cache=cache, **values).model.state_dict() for cache in ("on", "off")]
    for name, tensor in runs[0].items():
        torch.testing.assert_close(tensor, runs[1][name], rtol=1e-5, atol=1e-6)
