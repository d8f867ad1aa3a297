"""Surgical fine-tuning: which blocks move, which stand still, and the closed form of Auto-RGN."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from crosstune.core.clock import Budget
from crosstune.core.errors import DoesNotApply
from crosstune.core.head import HeadWeights
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone, Block
from crosstune.tasks.registry import make_task
from crosstune.training.order import Order
from crosstune.training.run import train
from crosstune.training.strategies import part_of
from crosstune.training.surgical import RelativeGradients, relative_gradients
from tests.training.small import Pixels, coloured, convolutional, flat, plain

TRAIN, VALIDATION = coloured(24), coloured(12, seed=1)
TASK = make_task("image-classification", TRAIN.targets())


@pytest.mark.parametrize("blocks", range(3, 14))
def test_the_parts_cover_all_blocks_once_and_are_of_like_size(blocks: int) -> None:
    edges = [part_of(part, blocks) for part in ("first", "middle", "last")]
    covered = [number for start, end in edges for number in range(start, end)]
    assert covered == list(range(blocks))
    sizes = [end - start for start, end in edges]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("part", "moves"), [("first", "stem"), ("middle", "first"), ("last", "second")])
def test_one_part_and_the_head_move_and_everything_else_stands_still(
    part: str, moves: str, tmp_path: Path
) -> None:
    backbone = convolutional(3)
    before = {name: one.clone() for name, one in backbone.model.state_dict().items()}
    settings = plain(strategy="surgical", surgical_part=part, lr=0.05, epochs=2, batch_size=8, engine="torch")
    train(backbone, TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=tmp_path, reporter=Silent())
    changed = {
        name.partition(".")[0] for name, one in backbone.model.state_dict().items()
        if not torch.equal(one, before[name])
    }  # fmt: skip
    assert changed == {moves, "head"}  # statistics of BatchNorm included


def test_the_middle_on_stored_activations_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    runs = []
    for cache in ("on", "off"):
        backbone = convolutional(3)
        settings = plain(strategy="surgical", surgical_part="middle", lr=0.05, epochs=2, batch_size=8,
                         engine="torch", cache=cache, optimizer="sgd")  # fmt: skip
        result = train(backbone, TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=tmp_path / cache,
                       reporter=Silent())  # fmt: skip
        assert result.cached == (cache == "on")
        runs.append(backbone.model.state_dict())
    for name, tensor in runs[0].items():
        torch.testing.assert_close(tensor, runs[1][name], rtol=1e-5, atol=1e-6)


class Chain(nn.Module):
    """Four linear layers without activations, the third of them all zeros beside a shortcut; a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        wide = 3 * 8 * 8
        self.a, self.b = nn.Linear(wide, 5), nn.Linear(5, 5)
        self.norm = nn.BatchNorm1d(5)
        self.c = nn.Linear(5, 5)
        nn.init.zeros_(self.c.weight)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, 3, 8, 8)`` to ``(B, 3)``."""
        inner = self.norm(self.b(self.a(x.flatten(1))))
        return self.head(inner + self.c(inner))


def chain() -> Backbone:
    model = Chain()
    blocks = tuple(
        Block(name=name, modules=modules, parameters=1, share=0.3, width=5, layout="BC")
        for name, modules in {"a": ("a",), "b": ("b", "norm"), "c": ("c",)}.items()
    )
    return Backbone(
        name="chain", source="test", modality="image", licence="none", origin="random", pretrained=False,
        model=model, blocks=blocks, head="head", preprocessing=Pixels(), logits=lambda out: out,
        save=lambda *_: None, loads_with="",
    )  # fmt: skip


def test_relative_gradients_are_the_mean_over_batches_of_norms_over_norms() -> None:
    backbone, settings = chain(), plain(batch_size=8)
    before = {name: one.clone() for name, one in backbone.model.state_dict().items()}
    found = relative_gradients(backbone, TASK, TRAIN, settings, head=None)
    assert all(torch.equal(one, before[name]) for name, one in backbone.model.state_dict().items())
    assert set(found.tensors) == {"a.weight", "b.weight"}  # no bias, no BatchNorm, no tensor of zeros

    order, model = Order(24, 8, settings.seed), backbone.model.eval().requires_grad_(False)
    ratios = []
    for step in range(3):
        rows = order.batch(step)
        x = backbone.preprocessing(TRAIN.batch(rows.tolist()))["x"].flatten(1).double()
        truth = torch.eye(3)[torch.from_numpy(TASK.encode(TRAIN.targets())[rows])].double()
        first, second = model.a, model.b
        h = x @ first.weight.double().T + first.bias.double()
        scale = (model.norm.weight / (model.norm.running_var + model.norm.eps).sqrt()).double()
        inner = (h @ second.weight.double().T + second.bias.double()) * scale  # mean 0, shift 0
        inner = inner + model.c.bias.double()
        logits = inner @ model.head.weight.double().T + model.head.bias.double()
        back = (logits.softmax(1) - truth) / len(rows) @ model.head.weight.double() * scale
        ratios.append([
            float(((back @ second.weight.double()).T @ x).norm() / first.weight.double().norm()),
            float((back.T @ h).norm() / second.weight.double().norm()),
        ])  # fmt: skip
    mean = [sum(one) / 3 for one in zip(*ratios, strict=True)]
    assert found.tensors["a.weight"] == pytest.approx(mean[0], rel=1e-4)
    assert found.tensors["b.weight"] == pytest.approx(mean[1], rel=1e-4)
    assert found.parts == {
        "first": found.tensors["a.weight"],
        "middle": found.tensors["b.weight"],
        "last": 0.0,
    }
    assert found.blocks[:2] == (found.parts["first"], found.parts["middle"])
    assert found.largest == max(("first", "middle"), key=lambda part: found.parts[part])


def test_the_head_that_training_starts_from_is_the_one_that_is_measured() -> None:
    weight = 100.0 * np.eye(3, 5)
    head = HeadWeights(features="head", kind="ridge", penalty=1.0, weight=weight, bias=np.zeros(3))
    settings = plain(batch_size=8)
    random = relative_gradients(chain(), TASK, TRAIN, settings, head=None)
    given = relative_gradients(chain(), TASK, TRAIN, settings, head=head)
    assert given.tensors["a.weight"] > 2 * random.tensors["a.weight"]


def test_of_equal_parts_the_last_is_named() -> None:
    equal = RelativeGradients({}, (), {"first": 0.5, "middle": 0.5, "last": 0.5})
    assert equal.largest == "last"


def test_what_cannot_be_cut_in_three_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DoesNotApply, match="a model of 1 block"):
        relative_gradients(flat(3), TASK, TRAIN, plain(), head=None)
    settings = plain(strategy="surgical", surgical_part="first")
    with pytest.raises(DoesNotApply, match="three blocks or more"):
        train(flat(3), TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=tmp_path, reporter=Silent())
