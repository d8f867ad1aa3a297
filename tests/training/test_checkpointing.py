"""Layers that are computed once more in the backward pass: the same gradients from fewer kept numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue, OutOfMemory
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.sources.base import Backbone
from crosstune.tasks.text_generation import TextGeneration, _picked
from crosstune.training.checkpointing import choose_checkpointing, obstacle, switch_off, switch_on
from crosstune.training.errors import CannotCheckpoint
from crosstune.training.forward import Forward
from crosstune.training.loader import Loader
from crosstune.training.lora import add_adapters
from crosstune.training.order import Order
from crosstune.training.parallel import settings_for_parts
from crosstune.training.pretrain import pretrain
from tests.support.chats import dialogue_of, open_writer, tiny_writer_dir
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone
from tests.training.small import convolutional, flat, plain
from tests.training.test_packing import MIXED
from tests.training.test_recovery import MEMORY, Heard
from tests.training.test_speech import Ends, distance, weights
from tests.training.test_text_generation import trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer_dir(tmp_path_factory.mktemp("tiny") / "llama")


def layers(model: nn.Module) -> list[nn.Module]:
    """Give the layers that checkpoint now."""
    return [one for one in model.modules() if getattr(one, "gradient_checkpointing", False)]


def opened(folder: Path, *, lora: bool = False, dropout: float | None = None) -> Backbone:
    """Open in double precision, in training mode; the second matrix of an adapter is no longer zero."""
    backbone = open_writer(folder, dropout=dropout)
    if lora:
        add_adapters(backbone, plain(strategy="lora"))
        with torch.no_grad():
            for name, parameter in backbone.model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(0))
    backbone.model.double().train()
    return backbone


def loss_of(backbone: Backbone) -> Tensor:
    """Sum the loss of all rows under one seed."""
    task = TextGeneration.of(dialogue_of(backbone))
    loader = Loader(
        items=MIXED, encoded=task.encode(MIXED.targets()), task=task, preprocessing=backbone.preprocessing,
        order=Order(8, 8, 0, None), micro_batch=8,
    )  # fmt: skip
    (micro,) = loader(0)
    torch.manual_seed(5)
    logits = backbone.model(**micro.batch)
    return cross_entropy(
        logits.flatten(0, 1), _picked(micro.targets).flatten(), ignore_index=IGNORED, reduction="sum"
    )


def gradients(backbone: Backbone) -> dict[str, Tensor]:
    loss_of(backbone).backward()
    named = backbone.model.named_parameters()
    return {name: p.grad for name, p in named if p.grad is not None}


WAYS: Mapping[str, Mapping[str, Any]] = {
    "all": {}, "adapters": {"lora": True}, "dropout": {"dropout": 0.3},
    "adapters and dropout": {"lora": True, "dropout": 0.3},
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_gradients_are_the_same(folder: Path, way: Mapping[str, Any], packed: bool) -> None:
    found = []
    for on in (False, True):
        backbone = opened(folder, **way)
        backbone.model.packed = packed  # type: ignore[assignment]
        if on:
            switch_on(backbone.model)
            assert layers(backbone.model)
        found.append(gradients(backbone))
    expected, other = found
    assert expected.keys() == other.keys()
    assert all("lora" in name for name in expected) or not way.get("lora")
    for name, gradient in expected.items():
        assert float(gradient.norm()) > 0, name
        assert float((other[name] - gradient).norm() / gradient.norm()) < 1e-10, name


def test_dropout_is_active_in_the_comparison(folder: Path) -> None:
    still, drawn = (float(loss_of(opened(folder, dropout=share)).detach()) for share in (0.0, 0.3))
    assert abs(still - drawn) > 1e-3


def kept_bytes(backbone: Backbone) -> int:
    """Count what autograd keeps of a forward pass, the inputs of layers that checkpoint included."""
    total = 0
    known = {one.data_ptr() for one in backbone.model.state_dict().values()}

    def count(tensor: Tensor) -> Tensor:
        nonlocal total
        total += 0 if tensor.data_ptr() in known else tensor.nbytes
        return tensor

    def read(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        nonlocal total
        flat = [*given, *named.values(), *named.get("position_embeddings", ())]
        total += sum(one.nbytes for one in flat if isinstance(one, Tensor))

    handles = [
        one.register_forward_pre_hook(read, with_kwargs=True)
        for one in layers(backbone.model)
        if type(one).__name__.endswith("DecoderLayer")
    ]
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        loss_of(backbone)
    for handle in handles:
        handle.remove()
    return total


@pytest.mark.parametrize("lora", [False, True])
def test_fewer_numbers_are_kept(folder: Path, lora: bool) -> None:
    backbone = opened(folder, lora=lora)
    before = kept_bytes(backbone)
    switch_on(backbone.model)
    assert kept_bytes(backbone) < before / 2
    backbone.model.eval()
    with torch.no_grad():
        off = loss_of(backbone)
    switch_off(backbone.model)
    assert not layers(backbone.model)
    assert torch.equal(loss_of(backbone), off)
    backbone.model.train()
    assert kept_bytes(backbone) == before


def test_frozen_embeddings_stay_without_a_gradient(folder: Path) -> None:
    backbone = opened(folder, lora=True)
    switch_on(backbone.model)
    embedding = backbone.model.get_submodule("inner.model.embed_tokens")
    assert not embedding(torch.zeros(1, 1, dtype=torch.long)).requires_grad


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_training_that_is_broken_off_goes_on_bit_for_bit_and_is_that_without(
    folder: Path, tmp_path: Path, strategy: str
) -> None:
    how: dict[str, Any] = {"strategy": strategy, "items": MIXED, "epochs": 4, "micro_batch": 3}
    on = {**how, "gradient_checkpointing": "on"}
    whole, one = trained(folder, tmp_path / "whole", **on)
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(2), **on)
    again, two = trained(folder, tmp_path / "broken", resume=True, **on)
    assert one.steps == two.steps == 4
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
    without, _ = trained(folder, tmp_path / "without", **how)
    moved = distance(weights(without), weights(open_writer(folder)))
    assert moved > 0
    assert distance(weights(without), weights(whole)) < 1e-4 * moved
    assert not layers(whole.model)


def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let memory run out wherever a layer keeps everything that it computes."""
    plain_forward = Forward.forward

    def forward(self: Forward, batch: dict[str, Tensor], activation: Tensor | None = None) -> Tensor:
        outputs = plain_forward(self, batch, activation)
        if torch.is_grad_enabled() and not layers(self.model):
            raise RuntimeError(MEMORY)
        return outputs

    monkeypatch.setattr(Forward, "forward", forward)


def test_auto_comes_after_the_smallest_micro_batch(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"items": MIXED, "epochs": 3, "batch_size": 4}
    expected, _ = trained(folder, tmp_path / "on", gradient_checkpointing="on", micro_batch=1, **how)
    little_memory(monkeypatch)
    heard = Heard()
    found, result = trained(folder, tmp_path / "auto", reporter=heard, **how)
    for name, tensor in weights(expected).items():
        assert torch.equal(tensor, weights(found)[name]), name
    told = [line for line in heard.warned if "memory ran out in step 0" in line]
    assert ["instead of" in line for line in told] == [True, True, False]
    assert "gradient_checkpointing" in told[-1]
    assert set(told) <= set(result.warnings)
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(3), **how)
    heard = Heard()
    again, _ = trained(folder, tmp_path / "broken", resume=True, reporter=heard, **how)
    assert not any("ran out" in line for line in heard.warned)  # it goes on as it was, at one example
    for name, tensor in weights(expected).items():
        assert torch.equal(tensor, weights(again)[name]), name


def test_off_is_never_switched_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    little_memory(monkeypatch)
    with pytest.raises(OutOfMemory, match="1 example at once"):
        trained(folder, tmp_path, gradient_checkpointing="off")


def test_what_cannot_is_refused_by_name(folder: Path) -> None:
    on = plain(gradient_checkpointing="on")
    for backbone in (flat(2), convolutional(2)):
        with pytest.raises(CannotCheckpoint, match="no model of transformers"):
            choose_checkpointing(backbone, on)
        assert choose_checkpointing(backbone, plain()) == "off"
    writer = open_writer(folder)
    writer.model.add_module("norm", nn.BatchNorm1d(3))
    with pytest.raises(CannotCheckpoint, match="statistics of every batch twice"):
        choose_checkpointing(writer, on)
    deaf = open_writer(folder)
    deaf.model.get_submodule("inner").supports_gradient_checkpointing = False  # type: ignore[assignment]
    with pytest.raises(CannotCheckpoint, match="LlamaForCausalLM of transformers does not offer it"):
        choose_checkpointing(deaf, on)
    with pytest.raises(BadValue, match="gradient_checkpointing=on"):
        settings_for_parts(on)


def test_auto_is_the_default_and_begins_without(folder: Path, tmp_path: Path) -> None:
    assert Settings().gradient_checkpointing == "auto"
    backbone = open_writer(folder)
    assert choose_checkpointing(backbone, plain()) == "off"
    assert not layers(backbone.model)
    for family in ("bert", "vit"):
        assert obstacle(tiny_backbone(family, 2, tmp_path).model) == ""


def test_a_continued_pretraining_gives_the_same_body(tmp_path: Path) -> None:
    items, found = MemoryItems(random_texts(24), []), []
    for value in ("off", "on"):
        backbone = tiny_backbone("bert", 2, tmp_path)
        settings = plain(gradient_checkpointing=value, batch_size=8, pretrain_epochs=2)
        pretrain(backbone, items, items, settings, budget=Budget(), work=tmp_path / value, reporter=Silent())
        assert not layers(backbone.model)
        found.append(weights(backbone))
    assert distance(*found) < 1e-4 * distance(found[0], weights(tiny_backbone("bert", 2, tmp_path)))
