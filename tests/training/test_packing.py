"""Packing in training: the same update, refused or left alone where it would not be, resumed bit for bit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from crosstune.core.conversation_text import from_text
from crosstune.core.errors import DoesNotApply
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.sources.base import Backbone
from crosstune.sources.packing import Difference
from crosstune.sources.writer import Writer
from crosstune.tasks.text_generation import TextGeneration, _picked
from crosstune.training.errors import CannotPack
from crosstune.training.loader import Loader
from crosstune.training.order import Order
from crosstune.training.packing import ALLOWED, choose_packing, require_packing
from tests.sources.test_packing import Deaf, inner
from tests.support.chats import dialogue_items, dialogue_of, open_writer, talk, tiny_writer_dir
from tests.training.small import flat, plain
from tests.training.test_speech import Ends, distance, weights
from tests.training.test_text_generation import TRAIN, trained

MIXED = dialogue_items([
    talk("hi", "hello you"), talk("a", "b", "c", "dddd"), talk("so", "it is", system="be short"),
    talk("who are you, and what do you want?", "no"), talk("?", "!"), talk("count", "one two three four"),
    talk("x", "y"), talk("tell me", "something"),
])  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer_dir(tmp_path_factory.mktemp("tiny") / "llama")


class Told(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)


def deaf(folder: Path) -> Backbone:
    """Open a model whose positions reach nothing."""
    backbone = open_writer(folder)
    backbone.model = Writer(Deaf(inner("llama")), "lm_head", 40)
    return backbone


def gradient(backbone: Backbone, *, packed: bool, micro_batch: int) -> Tensor:
    """Sum the gradients of the loss of all rows, in double precision."""
    model = backbone.model
    assert isinstance(model, Writer)
    task = TextGeneration.of(dialogue_of(backbone))
    model.double().train().packed = packed
    model.zero_grad()
    loader = Loader(
        items=MIXED, encoded=task.encode(MIXED.targets()), task=task, preprocessing=backbone.preprocessing,
        order=Order(8, 8, 0, None), micro_batch=micro_batch,
    )  # fmt: skip
    for micro in loader(0):
        wanted = _picked(micro.targets)
        logits = model(**micro.batch)
        cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
        ).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("micro_batch", [8, 3, 1])
def test_the_gradient_of_a_batch_is_the_same_packed_in_micro_batches_of_any_size(
    folder: Path, micro_batch: int
) -> None:
    expected = gradient(open_writer(folder), packed=False, micro_batch=8)
    found = gradient(open_writer(folder), packed=True, micro_batch=micro_batch)
    assert float((found - expected).norm() / expected.norm()) < 1e-10


def test_a_training_moves_as_it_does_without_packing(folder: Path, tmp_path: Path) -> None:
    still = {"epochs": 1, "optimizer": "sgd", "lr": 0.01, "momentum": 0.0, "items": MIXED}
    ways: dict[str, Mapping[str, Any]] = {
        "off": {"packing": "off"}, "on": {"packing": "on"}, "on, 3": {"packing": "on", "micro_batch": 3},
        "auto, lora": {"strategy": "lora"}, "off, lora": {"strategy": "lora", "packing": "off"},
    }  # fmt: skip
    found = {name: weights(trained(folder, tmp_path / name, **still, **way)[0]) for name, way in ways.items()}
    moved = distance(found["off"], weights(open_writer(folder)))
    assert moved > 0
    assert distance(found["off"], found["on"]) < 1e-4 * moved
    assert distance(found["off"], found["on, 3"]) < 1e-4 * moved
    assert distance(found["off, lora"], found["auto, lora"]) < 1e-4 * moved


def test_a_packed_training_that_is_broken_off_goes_on_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    items = dialogue_items([from_text(text) for text in [*MIXED.values, *TRAIN.values[:16]]])
    packed: dict[str, Any] = {"packing": "on", "items": items, "micro_batch": 5}
    whole, one = trained(folder, tmp_path / "whole", **packed)
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(3), **packed)
    again, two = trained(folder, tmp_path / "broken", resume=True, **packed)
    assert one.steps == two.steps == 6
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
    assert [row["train_loss"] for row in one.history] == [row["train_loss"] for row in two.history]


def test_what_was_found_is_not_measured_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted):
        trained(folder, tmp_path, reporter=Ends(2))
    assert '"packing": "on"' in (tmp_path / "choices.json").read_text()
    (tmp_path / "choices.json").write_text((tmp_path / "choices.json").read_text().replace(
        '"packing": "on"', '"packing": "off"'))  # fmt: skip
    monkeypatch.setattr(Writer, "try_packing", lambda _: pytest.fail("measured again"))
    backbone, _ = trained(folder, tmp_path, resume=True)
    assert isinstance(backbone.model, Writer)
    assert not backbone.model.packed


@pytest.mark.parametrize(("packing", "expected"), [("auto", "on"), ("on", "on"), ("off", "off")])
def test_a_model_that_can_pack_does(folder: Path, packing: str, expected: str) -> None:
    backbone, told = open_writer(folder), Told()
    backbone.model.train()
    assert choose_packing(backbone, plain(packing=packing), told) == expected
    assert isinstance(backbone.model, Writer)
    assert backbone.model.packed == (expected == "on")
    assert backbone.model.training
    assert not told.said


def test_a_model_whose_logits_would_change_is_refused_or_left_alone(folder: Path) -> None:
    backbone, told = deaf(folder), Told()
    with pytest.raises(CannotPack, match="standard deviations"):
        choose_packing(backbone, plain(packing="on"), told)
    assert choose_packing(backbone, plain(packing="auto"), told) == "off"
    assert isinstance(backbone.model, Writer)
    assert not backbone.model.packed
    assert len(told.said) == 1
    assert "not packed: logits would change" in told.said[0]


def test_a_model_that_is_not_told_positions_is_refused_or_left_alone(folder: Path) -> None:
    backbone, told = open_writer(folder), Told()
    backbone.model = Writer(inner("mamba", "eager"), "lm_head", 40)
    with pytest.raises(CannotPack, match="not told the positions"):
        require_packing(plain(packing="on"), backbone)
    assert choose_packing(backbone, plain(), told) == "off"
    assert "not told the positions" in told.said[0]


def test_rounding_is_allowed_and_more_is_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for largest, expected in ((ALLOWED, "on"), (1.01 * ALLOWED, "off")):
        monkeypatch.setattr(Writer, "try_packing", lambda _, found=largest: Difference(found))
        assert choose_packing(open_writer(folder), plain(), Told()) == expected


def test_other_models_have_nothing_to_pack() -> None:
    assert Settings().packing == "auto"
    assert choose_packing(flat(2), plain(), Told()) == "off"
    with pytest.raises(DoesNotApply, match="does not write"):
        require_packing(plain(packing="on"), flat(2))


def test_a_run_refuses_before_it_trains(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer, "try_packing", lambda _: Difference(0.5))
    with pytest.raises(CannotPack):
        trained(folder, tmp_path, packing="on")


def test_under_noise_on_embeddings_nothing_is_packed(folder: Path, tmp_path: Path) -> None:
    told = Told()
    assert choose_packing(open_writer(folder), plain(neftune_alpha=5.0), told) == "off"
    assert "NEFTune" in told.said[0]
    with pytest.raises(DoesNotApply, match="NEFTune"):
        require_packing(plain(neftune_alpha=5.0, packing="on"), open_writer(folder))
    noisy, _ = trained(folder, tmp_path / "noisy", neftune_alpha=5.0, items=MIXED)
    assert distance(weights(noisy), weights(open_writer(folder))) > 0
