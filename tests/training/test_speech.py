"""Training a recogniser: batches, resume, cuts, and that it learns."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.speech import open_recogniser, song_items, sung, tiny_recogniser_dir
from tests.support.tiny import MemoryItems
from tests.training.small import plain

TRAIN, VALIDATION = song_items(24), song_items(10, seed=1)
FAMILIES = ("wav2vec2", "hubert", "wav2vec2-bert")


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_recogniser_dir(tmp_path_factory.mktemp("tiny") / request.param, family=request.param)


def trained(folder: Path, work: Path, *, resume: bool = False, reporter: Any = None, items: Any = TRAIN,
            **values: Any) -> tuple[Backbone, TrainResult]:  # fmt: skip
    """Train for a few steps. What the head recognises at the start does not count, or it might be kept."""
    backbone = open_recogniser(folder)
    backbone.head_trained = False
    assert backbone.spelling is not None
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 8, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    task = SpeechRecognition(backbone.spelling, "upper")
    result = train(
        backbone, task, items, VALIDATION, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


def weights(backbone: Backbone) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Give the Euclidean distance of two sets of weights; single ones that hardly move are all rounding."""
    parts = [(one[name].double() - other[name].double()).square().sum() for name in one]
    return float(torch.stack(parts).sum().sqrt())


def test_micro_batches_change_nothing(folder: Path, tmp_path: Path) -> None:
    still = {"epochs": 1, "optimizer": "sgd", "lr": 0.01, "momentum": 0.0}
    found = []
    for smaller in ({}, {"micro_batch": 4}, {"micro_batch": 1}, {"batch_seconds": 1.5}):
        backbone = open_recogniser(folder)
        backbone.head_trained = False
        for module in backbone.model.modules():  # dropout is drawn for each micro-batch
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            if isinstance(getattr(module, "dropout", None), float):
                module.dropout = 0.0
        task = SpeechRecognition(backbone.spelling, "upper")  # type: ignore[arg-type]
        train(
            backbone, task, TRAIN, VALIDATION,
            plain(strategy="full", batch_size=8, engine="torch", **smaller, **still),
            budget=Budget(), work=tmp_path / "-".join(["all", *smaller]), reporter=Silent(),
        )  # fmt: skip
        found.append(weights(backbone))
    start = weights(open_recogniser(folder))
    moved = distance(found[0], start)
    assert moved > 0
    assert max(distance(found[0], other) for other in found[1:]) < 1e-4 * moved


class Ends(Silent):
    """Asks for the end after some steps."""

    def __init__(self, after: int) -> None:
        self.after = after

    def advance(self, done: int, figures: Any = None) -> None:  # noqa: ARG002 - as in Reporter
        """Break off."""
        if done >= self.after:
            raise Interrupted(signal.SIGTERM)


def test_a_training_that_is_broken_off_goes_on_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    whole, one = trained(folder, tmp_path / "whole")
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(3))
    again, two = trained(folder, tmp_path / "broken", resume=True)
    assert one.steps == two.steps == 6
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
    assert [row["wer"] for row in one.history] == [row["wer"] for row in two.history]


def test_an_order_by_length_goes_on_bit_for_bit(tmp_path: Path) -> None:
    folder = tiny_recogniser_dir(tmp_path / "tiny", family="hubert")
    values = {"sorta_grad": True, "batch_seconds": 1.5}
    whole, one = trained(folder, tmp_path / "whole", **values)
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(4), **values)
    again, two = trained(folder, tmp_path / "broken", resume=True, **values)
    assert one.steps == two.steps == 6
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
    usual, _ = trained(folder, tmp_path / "usual", batch_seconds=1.5, checkpoint_every=1e9)
    assert distance(weights(usual), weights(whole)) > 0


def test_a_suffix_on_stored_activations_gives_the_same_weights(folder: Path, tmp_path: Path) -> None:
    settings = {"strategy": "last", "last_blocks": 2, "epochs": 1, "optimizer": "sgd", "lr": 0.01}
    cached, one = trained(folder, tmp_path / "cached", cache="on", **settings)
    plainly, two = trained(folder, tmp_path / "plain", cache="off", **settings)
    assert one.cached
    assert not two.cached
    moved = distance(weights(plainly), weights(open_recogniser(folder)))
    assert moved > 0
    assert distance(weights(plainly), weights(cached)) < 1e-4 * moved


def test_a_text_that_needs_more_frames_than_there_are_stops_the_training(tmp_path: Path) -> None:
    folder = tiny_recogniser_dir(tmp_path / "tiny")
    long = MemoryItems([sung("abc")] * 8, ["abc" * 80] * 8)
    with pytest.raises(NonFiniteLoss):
        trained(folder, tmp_path / "work", items=long)


def test_it_learns_songs(tmp_path: Path) -> None:
    folder = tiny_recogniser_dir(tmp_path / "tiny", family="wav2vec2-bert")
    _, result = trained(
        folder, tmp_path / "work", items=song_items(96), epochs=12, lr=5e-3, checkpoint_every=1e9
    )
    assert result.history[-1]["cer"] < 0.4
