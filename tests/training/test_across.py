"""A step across domains is that of the whole effective batch, however it is cut, and autograd agrees."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from crosstune.core.clock import Budget
from crosstune.core.domains import Domains
from crosstune.core.errors import DoesNotApply
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.across import make_across
from crosstune.training.coral import HeadInput
from crosstune.training.run import train
from crosstune.training.update import Updater
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone
from tests.training.small import coloured, convolutional, plain
from tests.training.test_coral import defined
from tests.training.test_update import micro_batches, updater

NAMES, IDS = ("a", "b", "c"), np.array([0, 0, 1, 1, 1, 0, 1, 0])
DOMAINS = Domains(NAMES, IDS)  # c is held out: no row of it trains
TEXTS = MemoryItems(random_texts(8), ["x", "x", "y", "x", "z", "x", "y", "x"], DOMAINS)
TASK = make_task("text-classification", TEXTS.targets())
SIZES = ([8], [2, 2, 2, 2], [5, 3], [1] * 8)


def across(backbone: Backbone, **values: Any) -> Updater:
    """Make an updater whose objective is the one across domains."""
    settings = plain(optimizer="sgd", lr=1.0, momentum=0.0, clip_norm=0.0, **values)
    features = HeadInput(backbone.head_module()) if settings.coral else None
    made = make_across(DOMAINS, settings, features)
    return replace(updater(backbone, TASK, TEXTS, settings), across=made)


def step(
    backbone: Backbone, sizes: Sequence[int], **values: Any
) -> tuple[Updater, float, dict[str, torch.Tensor]]:
    one = replace(backbone, model=copy.deepcopy(backbone.model))
    made = across(one, **values)
    loaded = micro_batches(one, TASK, TEXTS, sizes)
    loaded = [replace(part, domains=torch.from_numpy(IDS[part.indices])) for part in loaded]
    loss = made(loaded, step=0, epoch=0)
    return made, loss, {name: p.grad for name, p in one.model.named_parameters() if p.grad is not None}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    backbone = tiny_backbone("bert", 3, tmp_path_factory.mktemp("bert"))
    backbone.model.eval()  # no dropout
    return backbone


@pytest.mark.parametrize("values", [{"group_dro": 0.7}, {"coral": 3.0}, {"group_dro": 0.7, "coral": 3.0}])
def test_the_gradient_is_autograds_on_the_whole_batch_however_it_is_cut(
    bert: Backbone, values: dict[str, float]
) -> None:
    model = copy.deepcopy(bert.model)
    (batch,) = micro_batches(bert, TASK, TEXTS, [8])
    kept: list[torch.Tensor] = []
    model.get_submodule(bert.head).register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    logits, ids = model(**batch.batch).logits, torch.from_numpy(IDS)
    losses = torch.stack([cross_entropy(logits[ids == one], batch.targets[ids == one]) for one in (0, 1)])
    q = (0.5 * torch.exp(values.get("group_dro", 0.0) * losses.detach())).double()
    q = (q / q.sum()).float()
    goal = (q * losses).sum() if "group_dro" in values else cross_entropy(logits, batch.targets)
    goal = goal + values.get("coral", 0.0) * defined(kept[0], ids)
    goal.backward()
    expected = {name: one.grad for name, one in model.named_parameters()}
    for sizes in SIZES:
        made, loss, found = step(bert, sizes, **values)
        assert loss == pytest.approx(float(cross_entropy(logits, batch.targets).detach()), rel=1e-5)
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, expected[name], rtol=2e-4, atol=2e-6)
        assert made.across is not None
        after = q.tolist() if "group_dro" in values else [0.5, 0.5]
        assert made.across.weights.tolist() == pytest.approx([*after, 0.0], rel=1e-5)


def test_a_step_with_dropout_and_batchnorm_sees_the_same_draws_twice_and_moves_statistics_once() -> None:
    pictures = coloured(8)
    task = make_task("image-classification", pictures.targets())
    statistics = []
    for coral in (0.0, 1e-12):
        backbone = convolutional(3, dropout=0.5)
        backbone.model.train()
        settings = plain(optimizer="sgd", lr=0.1, coral=coral)
        features = HeadInput(backbone.head_module())
        made = replace(updater(backbone, task, pictures, settings),
                       across=make_across(Domains(("a", "b"), IDS), settings, features))  # fmt: skip
        loaded = micro_batches(backbone, task, pictures, [4, 4])
        loaded = [replace(part, domains=torch.from_numpy(IDS[part.indices])) for part in loaded]
        made(loaded, step=0, epoch=0)
        features.close()
        statistics.append({name: one.clone() for name, one in backbone.model.state_dict().items()})
    for name, tensor in statistics[0].items():
        torch.testing.assert_close(tensor, statistics[1][name], rtol=1e-5, atol=1e-7)


def test_a_step_that_is_not_made_leaves_the_weights_of_the_domains(bert: Backbone) -> None:
    one = replace(bert, model=copy.deepcopy(bert.model))
    made = across(one, group_dro=5.0)
    loaded = [replace(part, domains=torch.from_numpy(IDS[part.indices]))
              for part in micro_batches(one, TASK, TEXTS, [4, 4])]  # fmt: skip

    class Broken(RuntimeError):
        """What a step may raise."""

    class Breaks(nn.Module):
        """Fails in the second forward pass with gradients."""

        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.calls = inner, 0

        def forward(self, *given: Any) -> Any:
            self.calls += torch.is_grad_enabled()
            if self.calls == 2:
                raise Broken
            return self.inner(*given)

    assert made.across is not None
    broken = replace(made, forward=Breaks(made.forward))
    with pytest.raises(Broken):
        broken(loaded, step=0, epoch=0)
    assert made.across.weights.tolist() == [0.5, 0.5, 0.0]
    made(loaded, step=0, epoch=0)
    assert made.across.weights.tolist() != [0.5, 0.5, 0.0]


def test_the_worse_domain_gains_over_a_training(tmp_path: Path) -> None:
    told: list[str] = []

    class Told(Silent):
        def say(self, sentence: str) -> None:
            told.append(sentence)

    items = coloured(24)
    wrong = np.arange(24) % 4 == 0
    values = [f"class-{(index + wrong[index]) % 3}" for index in range(24)]
    confused = MemoryItems(items.raw, values, Domains(("clean", "confused"), wrong.astype(np.int64)))
    settings = plain(strategy="full", lr=0.05, epochs=4, batch_size=8, engine="torch", group_dro=0.5)
    task, validation = make_task("image-classification", values), coloured(12, seed=1)
    train(convolutional(3), task, confused, validation, settings, budget=Budget(), work=tmp_path,
          reporter=Told())  # fmt: skip
    (sentence,) = [one for one in told if one.startswith("GroupDRO ended")]
    clean, worse = (float(part.split()[-1]) for part in sentence.split(", "))
    assert clean + worse == pytest.approx(1.0, abs=2e-3)
    assert worse > 0.5


def test_without_domains_nothing_is_trained(tmp_path: Path) -> None:
    settings = plain(strategy="full", coral=1.0)
    with pytest.raises(DoesNotApply, match="no column of domains"):
        train(convolutional(3), make_task("image-classification", coloured(6).targets()), coloured(6),
              coloured(6), settings, budget=Budget(), work=tmp_path, reporter=Silent())  # fmt: skip
