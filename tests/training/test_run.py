"""Training from end to end, on pictures that a tiny network can tell apart."""

import copy
import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.domains import Domains
from crosstune.core.errors import BadValue, UnknownName
from crosstune.core.head import HeadWeights
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.errors import NonFiniteOutputs
from crosstune.tasks.registry import make_task
from crosstune.training.errors import NonFiniteLoss, NothingToTrain, ShardedTraining, WrongWorldSize
from crosstune.training.keeper import Keeper
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from crosstune.training.snapshot import read
from tests.support.tiny import MemoryItems
from tests.training.small import coloured, convolutional, flat, plain

TRAIN, VALIDATION = coloured(48), coloured(24, seed=1)
TASK = make_task("image-classification", TRAIN.targets())
HEAD = HeadWeights(
    features="head", kind="ridge", weight=np.random.default_rng(0).normal(size=(3, 8)), bias=np.zeros(3),
    penalty=1.0,
)  # fmt: skip


class Heard(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.figures: list[tuple[int, Mapping[str, float | str]]] = []

    def say(self, text: str) -> None:
        """Remember a line."""
        self.said.append(text)

    def advance(self, done: int, figures: Mapping[str, float | str] | None = None) -> None:
        """Remember figures."""
        self.figures.append((done, dict(figures or {})))


def warmed(**options: Any) -> Backbone:
    """Give a network whose BatchNorm statistics fit the pictures, as a pretrained one's would."""
    backbone = convolutional(3, **options)
    backbone.model.train()
    batch = backbone.preprocessing(TRAIN.batch(range(48)))
    with torch.no_grad(), torch.random.fork_rng():
        for _ in range(40):
            backbone.model(**batch)
    return backbone


def run(
    backbone: Backbone, tmp_path: Path, *, budget: float | None = None, reporter: Silent | None = None,
    head: HeadWeights | None = None, **values: Any,
) -> TrainResult:  # fmt: skip
    settings = plain(**{"strategy": "full", "lr": 0.03, "epochs": 4, "batch_size": 12, **values})
    return train(
        backbone, TASK, TRAIN, VALIDATION, settings,
        budget=Budget(budget), work=tmp_path / "work", reporter=reporter or Silent(), head=head,
    )  # fmt: skip


@pytest.mark.parametrize("strategy", ["head", "last", "gradual", "full", "lp-ft", "lora"])
def test_every_strategy_learns_and_moves_only_what_it_says(strategy: str, tmp_path: Path) -> None:
    backbone = warmed()
    before = copy.deepcopy(backbone.model.state_dict())
    result = run(backbone, tmp_path, strategy=strategy, epochs=6, head=HEAD if strategy == "lp-ft" else None)
    rows = [row for row in result.history if row["step"] > 0]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    after = backbone.model.state_dict()
    assert after.keys() == before.keys()
    moved = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    expected = {"head": {"head"}, "last": {"second", "head"}, "lora": {"second", "head"}}
    assert moved == expected.get(strategy, {"stem", "first", "second", "head"})
    assert not any(module.training for module in backbone.model.modules())
    assert all(parameter.requires_grad for parameter in backbone.model.parameters())
    assert all(parameter.grad is None for parameter in backbone.model.parameters())


def test_the_model_holds_the_best_weights_of_the_run(tmp_path: Path) -> None:
    backbone = warmed()
    result = run(backbone, tmp_path, epochs=5, evals_per_epoch=2)
    accuracies = {row["step"]: row["accuracy"] for row in result.history}
    assert list(accuracies) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert result.best == max(accuracies.values()) == accuracies[result.best_step]
    assert result.best > 0.8
    outputs = backbone.model(**backbone.preprocessing(VALIDATION.batch(range(24)))).detach().numpy()
    spec = next(iter(TASK.metrics.values()))
    encoded = TASK.encode(VALIDATION.targets())
    assert spec.reduce(*spec.prepare(outputs, encoded)) == result.best
    written = read(tmp_path / "work" / "best.safetensors")
    state = backbone.model.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in written.items())
    assert (result.steps, result.epochs, result.stopped) == (20, 5.0, "epochs")
    row = result.history[-1]
    assert {"step", "epoch", "seconds", "train_loss", "lr", "head_lr", *TASK.metrics} == row.keys()


@pytest.mark.parametrize("extra", [{"average": "ema"}, {"optimizer": "schedule-free", "average": "soup"}])
def test_averages_are_what_is_evaluated_and_kept(extra: dict[str, Any], tmp_path: Path) -> None:
    backbone = warmed()
    result = run(backbone, tmp_path, epochs=6, ema_decay=0.8, **extra)
    outputs = backbone.model(**backbone.preprocessing(VALIDATION.batch(range(24)))).detach().numpy()
    accuracy = float((outputs.argmax(1) == TASK.encode(VALIDATION.targets())).mean())
    assert accuracy == result.best > 0.8


def test_the_same_seed_gives_the_same_bits_and_the_caller_s_draws_go_on(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    states = []
    for number, micro in enumerate((None, None, 12)):
        backbone = convolutional(3, dropout=0.3)
        run(backbone, tmp_path / str(number), augment="flip+mixup", micro_batch=micro, workers=0)
        states.append(backbone.model.state_dict())
    for other in states[1:]:
        assert all(torch.equal(other[name], tensor) for name, tensor in states[0].items())
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_head_is_where_training_starts(tmp_path: Path) -> None:
    backbone = warmed()
    result = run(backbone, tmp_path, strategy="lp-ft", lr=1e-9, epochs=1, head=HEAD)
    assert [row["step"] for row in result.history] == [0, 4]
    assert math.isnan(result.history[0]["train_loss"])
    np.testing.assert_allclose(backbone.head_module().weight.detach(), HEAD.weight, atol=1e-5)
    with pytest.raises(ValueError, match="lp-ft needs a head"):
        run(backbone, tmp_path, strategy="lp-ft")


def test_a_gradual_run_opens_one_block_in_each_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later_is_better = itertools.count(0.0)
    monkeypatch.setattr(Keeper, "comparable", lambda *_: next(later_is_better))
    backbone = warmed()
    before = copy.deepcopy(backbone.model.state_dict())
    run(backbone, tmp_path, strategy="gradual", epochs=2)
    after = backbone.model.state_dict()
    moved = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"first", "second", "head"}


def test_patience_stops_early(tmp_path: Path) -> None:
    result = run(warmed(), tmp_path, strategy="head", epochs=30, lr=1e-9, patience=2)
    assert result.stopped == "patience"
    assert result.steps == 3 * 4
    assert any("did not fall" in sentence for sentence in run(warmed(), tmp_path, epochs=6, lr=1e-9).warnings)


def test_what_is_not_finite_stops_and_leaves_finite_weights(tmp_path: Path) -> None:
    backbone = flat(3)
    with pytest.raises(NonFiniteLoss, match="memory:") as caught:
        run(backbone, tmp_path, optimizer="sgd", lr=1e38, clip_norm=0.0, epochs=3)
    assert caught.value.step > 0
    assert all(torch.isfinite(tensor).all() for tensor in backbone.model.state_dict().values())
    assert not backbone.model.training


def test_a_spent_budget_changes_nothing(tmp_path: Path) -> None:
    backbone = warmed()
    before = copy.deepcopy(backbone.model.state_dict())
    result = run(backbone, tmp_path, budget=1e-6)
    assert (result.steps, result.stopped, result.history) == (0, "budget", [])
    assert math.isnan(result.best)
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.model.state_dict().items())


def test_the_budget_ends_the_run_with_an_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([1e6] * 12 + [0.0] * 100)
    monkeypatch.setattr(Budget, "left", lambda _: next(left))
    result = run(warmed(), tmp_path, budget=1.0, epochs=50)
    assert result.stopped == "budget"
    assert 0 < result.steps < 12
    assert result.history[-1]["step"] == result.steps


def test_trial_steps_leave_no_trace(tmp_path: Path) -> None:
    states = []
    for budget in (None, 1e6):
        backbone = convolutional(3, dropout=0.2)
        run(backbone, tmp_path, budget=budget, epochs=1)
        states.append(backbone.model.state_dict())
    assert all(torch.equal(states[1][name], tensor) for name, tensor in states[0].items())


def test_trial_steps_are_made_without_the_peak_rate(tmp_path: Path) -> None:
    values = {"optimizer": "sgd", "lr": 1e38, "clip_norm": 0.0, "epochs": 1, "batch_size": 48}
    with pytest.raises(NonFiniteOutputs):  # of the only step's evaluation; several trial steps came before
        run(flat(3), tmp_path, budget=1e6, **values)


def test_a_budget_that_is_too_small_fixes_fewer_steps(tmp_path: Path) -> None:
    heard = Heard()
    result = run(warmed(), tmp_path, budget=2.0, epochs=100_000, reporter=heard)
    assert result.stopped == "budget"
    assert 0 < result.steps < 400_000
    assert any("steps fit into the budget" in line for line in heard.said)
    assert result.seconds < 2.5
    assert heard.figures[-1][0] == result.steps
    assert {"loss", "lr", "best accuracy"} == heard.figures[-1][1].keys()


def test_a_tracker_writes_under_the_work_folder_and_only_when_asked(tmp_path: Path) -> None:
    for trackers in ((), ("tensorboard",)):
        settings = plain(strategy="full", epochs=1, batch_size=12)
        work = tmp_path / str(len(trackers))
        train(
            flat(3), TASK, TRAIN, VALIDATION, settings,
            budget=Budget(), work=work, reporter=Silent(), trackers=trackers,
        )  # fmt: skip
        assert bool(list(work.rglob("events.out.tfevents.*"))) == bool(trackers)


def test_settings_that_contradict_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadValue, match="average the weights"):
        run(flat(3), tmp_path, average="ema", optimizer="schedule-free")
    with pytest.raises(BadValue, match="cannot be stored"):
        run(flat(3), tmp_path, strategy="full", cache="on")
    with pytest.raises(UnknownName):
        run(flat(3), tmp_path, augment="blur")
    backbone = flat(3)
    for parameter in backbone.model.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(NothingToTrain):
        run(backbone, tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(WrongWorldSize):
        run(flat(3), tmp_path)


def test_a_way_that_is_not_carried_out_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(ShardedTraining, match="DeepSpeed"):
        run(flat(3), tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_weights_are_chosen_by_the_worst_domain_where_that_is_asked_for(tmp_path: Path) -> None:
    """One domain of validation has its labels turned round: what helps the other one hurts it."""
    turned = [f"class-{(int(name[-1]) + 1) % 3}" for name in VALIDATION.targets()[:8]]
    values = [*turned, *VALIDATION.targets()[8:]]
    sources = Domains(("turned", "plain"), np.repeat([0, 1], [8, 16]))
    validation = MemoryItems(VALIDATION.raw, values, sources)
    found = {}
    for how in ("overall", "worst-domain"):
        settings = plain(strategy="full", epochs=6, lr=0.05, batch_size=16, select_by=how)
        found[how] = train(
            convolutional(3), TASK, TRAIN, validation, settings,
            budget=Budget(None), work=tmp_path / how, reporter=Silent(),
        )  # fmt: skip
    overall, worst = found["overall"], found["worst-domain"]
    assert [row["accuracy"] for row in overall.history] == [row["accuracy"] for row in worst.history]
    lowest = [row["worst-domain accuracy"] for row in worst.history]
    assert worst.best == max(lowest)
    assert worst.best_step == worst.history[lowest.index(max(lowest))]["step"]
    assert overall.best == max(row["accuracy"] for row in overall.history)
    assert worst.best_step < overall.best_step
