"""Continued pretraining: the first step by hand, what moves, determinism, budget, and resume bit for bit."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from crosstune.core import interruption
from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.core.seeding import derived_seed
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.sources.masked import MaskedModel
from crosstune.training import pretrain as module
from crosstune.training.errors import NonFiniteLoss, ResumeMismatch
from crosstune.training.optimizers import set_rates
from crosstune.training.pretrain import AFTER, BEFORE, HEAD_ALONE, Pretraining, PretrainResult, pretrain
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone

TEXTS, HELD = MemoryItems(random_texts(40)), MemoryItems(random_texts(12, seed=1))
SETTINGS = Settings(pretrain_epochs=2.0, pretrain_lr=3e-3, batch_size=8, checkpoint_every=1e9)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    return tiny_backbone("bert", 2, tmp_path)


def carried(backbone: Backbone, work: Path, settings: Settings = SETTINGS, **more: Any) -> PretrainResult:
    more = {"budget": Budget(None), "texts": TEXTS, **more}
    texts = more.pop("texts")
    return pretrain(backbone, texts, HELD, settings, work=work, reporter=Silent(), **more)


def weights(backbone: Backbone) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in backbone.model.state_dict().items()}


def test_the_loss_of_a_step_is_the_mean_over_its_hidden_tokens(backbone: Backbone, tmp_path: Path) -> None:
    run = Pretraining(backbone, TEXTS, HELD, SETTINGS, Budget(None), tmp_path, Silent())
    rows = run.order.batch(0).tolist()
    run.masked.model.train()
    set_rates(run.optimizer, run.schedule.share, run.schedule.later)  # what rests draws dropout otherwise
    masked = run.masker(backbone.preprocessing(TEXTS.batch(rows)), rows, epoch=0)
    torch.manual_seed(derived_seed(0, "pretraining step", 0, 0))
    logits = run.masked.model(**masked.batch).logits[masked.chosen]
    odds = logits.log_softmax(dim=1)
    by_hand: Any = -sum(odds[place, label] for place, label in enumerate(masked.labels.tolist()))
    run._make_step()
    assert run.losses == [pytest.approx(float(by_hand.detach()) / len(masked.labels), rel=1e-5)]


def test_micro_batches_make_the_same_step(backbone: Backbone, tmp_path: Path) -> None:
    for module_ in backbone.model.modules():
        if isinstance(module_, torch.nn.Dropout):
            module_.p = 0.0  # dropout belongs to the micro-batch
    gradients = []
    for micro in (8, 3):
        settings = replace(SETTINGS, micro_batch=micro)
        run = Pretraining(backbone, TEXTS, HELD, settings, Budget(None), tmp_path, Silent())
        run._gradients(run.order.batch(0), 0)
        table = run.masked.model.get_input_embeddings().weight
        gradients.append(table.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_the_body_learns_and_the_rest_stays(backbone: Backbone, tmp_path: Path) -> None:
    before = weights(backbone)
    texts = MemoryItems(["the good film was quite lovely"] * 40)
    settings = replace(SETTINGS, pretrain_epochs=6.0)
    state = torch.random.get_rng_state()
    found = pretrain(backbone, texts, MemoryItems(texts.raw[:8]), settings, budget=Budget(None),
                     work=tmp_path, reporter=Silent())  # fmt: skip
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (found.steps, found.epochs, found.stopped, found.new_head) == (30, 6.0, "epochs", True)
    assert list(found.held_out) == [BEFORE, HEAD_ALONE, AFTER]
    assert found.held_out[AFTER].loss < 0.7 * found.held_out[HEAD_ALONE].loss < found.held_out[BEFORE].loss
    after = backbone.model.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert "bert.embeddings.word_embeddings.weight" in moved
    assert all(name.startswith("bert.") and ".pooler." not in name for name in moved)
    assert not backbone.model.training
    assert all(
        parameter.requires_grad and parameter.grad is None for parameter in backbone.model.parameters()
    )


def test_a_new_head_moves_alone_at_first(backbone: Backbone, tmp_path: Path) -> None:
    run = Pretraining(backbone, TEXTS, HELD, SETTINGS, Budget(None), tmp_path, Silent())
    before = weights(backbone)
    head = run.masked.model.cls.predictions.transform.dense.weight
    start = head.detach().clone()
    assert run.total == 10
    for _ in range(2):  # 0.2 of the steps
        run._make_step()
    assert all(torch.equal(value, before[name]) for name, value in backbone.model.state_dict().items())
    assert not torch.equal(head, start)
    run._make_step()
    assert not torch.equal(weights(backbone)["bert.embeddings.word_embeddings.weight"],
                           before["bert.embeddings.word_embeddings.weight"])  # fmt: skip


def test_equal_runs_are_equal_and_seeds_differ(tmp_path: Path) -> None:
    made = []
    for number, seed in enumerate((0, 0, 1)):
        backbone = tiny_backbone("bert", 2, tmp_path)
        carried(backbone, tmp_path / str(number), replace(SETTINGS, seed=seed))
        made.append(weights(backbone))
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
    assert any(not torch.equal(made[0][name], made[2][name]) for name in made[0])


@pytest.mark.parametrize("step", [1, 2, 7])
def test_a_run_that_was_ended_goes_on_bit_for_bit(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny_backbone("bert", 2, tmp_path)
    unbroken = carried(whole, tmp_path / "whole")
    broken, made = tiny_backbone("bert", 2, tmp_path), Pretraining._make_step

    def ended(run: Pretraining) -> None:
        made(run)
        if run.step == step:
            monkeypatch.setattr(interruption._state, "number", 15)

    monkeypatch.setattr(Pretraining, "_make_step", ended)
    with pytest.raises(interruption.Interrupted):
        carried(broken, tmp_path / "broken")
    monkeypatch.setattr(interruption._state, "number", None)
    monkeypatch.setattr(Pretraining, "_make_step", made)
    again = tiny_backbone("bert", 2, tmp_path)
    found = carried(again, tmp_path / "broken", resume=True)
    expected, held = weights(whole), weights(again)
    assert all(torch.equal(held[name], expected[name]) for name in expected)
    assert replace(found, seconds=0.0) == replace(unbroken, seconds=0.0)
    once_more = tiny_backbone("bert", 2, tmp_path)
    monkeypatch.setattr(Pretraining, "_make_step", lambda _: pytest.fail("it had ended"))
    assert replace(carried(once_more, tmp_path / "broken", resume=True), seconds=0.0) == replace(
        unbroken, seconds=0.0
    )
    assert all(torch.equal(weights(once_more)[name], expected[name]) for name in expected)


def test_other_texts_or_settings_are_no_way_on(backbone: Backbone, tmp_path: Path) -> None:
    carried(backbone, tmp_path, replace(SETTINGS, pretrain_epochs=0.2))
    with pytest.raises(ResumeMismatch, match="pretrain_epochs"):
        carried(backbone, tmp_path, resume=True)
    with pytest.raises(ResumeMismatch, match="texts"):
        carried(backbone, tmp_path, replace(SETTINGS, pretrain_epochs=0.2), resume=True,
                texts=MemoryItems(random_texts(40, seed=2)))  # fmt: skip


def test_without_time_nothing_moves(backbone: Backbone, tmp_path: Path) -> None:
    before = weights(backbone)
    found = carried(backbone, tmp_path, budget=Budget(0.0))
    assert (found.steps, found.stopped) == (0, "budget")
    assert all(torch.equal(value, before[name]) for name, value in weights(backbone).items())


def test_the_schedule_ends_low_where_the_budget_cuts(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Pretraining(backbone, TEXTS, HELD, SETTINGS, Budget(1e6), tmp_path, Silent())
    monkeypatch.setattr(Pretraining, "_steps_that_fit", lambda _: 6)
    run.carry_out()
    assert (run.step, run.stopped, run.ended) == (6, "budget", True)
    assert run.schedule.last < 0.35


def test_memory_that_runs_out_halves_the_micro_batch(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = MaskedModel.logits

    def small(model: MaskedModel, batch: Any, chosen: Any) -> Any:
        if model.model.training and len(chosen) > 4:
            raise MemoryError
        return made(model, batch, chosen)

    monkeypatch.setattr(MaskedModel, "logits", small)
    run = Pretraining(backbone, TEXTS, HELD, SETTINGS, Budget(None), tmp_path, Silent())
    run._make_step()
    assert run.micro_batch == 4


def test_a_loss_that_is_not_finite_ends_it(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*values: Any, **more: Any) -> Any:
        return cross_entropy(*values, **more) * math.nan

    monkeypatch.setattr(module, "cross_entropy", broken)
    before = weights(backbone)
    with pytest.raises(NonFiniteLoss, match="masked language modelling loss"):
        carried(backbone, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in weights(backbone).items())
