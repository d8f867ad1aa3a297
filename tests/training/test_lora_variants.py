"""DoRA and rsLoRA: their formulas, their start, their merge, and what a saved model gives."""

import copy
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from crosstune.artifacts.model import SavedModel, load_model, save_model
from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.core.settings import CHOICES
from crosstune.frozen.freeze import freeze
from crosstune.sources.base import Backbone
from crosstune.sources.writer import Writer
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task
from crosstune.tasks.text_generation import TextGeneration
from crosstune.training.lora import add_adapters, describe_adapters, magnitudes, merge_adapters
from crosstune.training.parameters import parameter_groups
from crosstune.training.run import train
from tests.support.chats import dialogue_of, letter_items, open_writer, tiny_writer_dir
from tests.support.tiny import Kind, MemoryItems, random_raw, tiny_backbone
from tests.training.small import coloured, convolutional, plain

VARIANTS = CHOICES["lora_variant"]
ROOT = {"lora": 1, "dora": 1, "rslora": 0.5}
"""The power of the rank that the scale is divided by."""
Case = tuple[Backbone, Task, MemoryItems]


def spread_out(backbone: Backbone) -> None:
    """Give every part of the adapters values, as if it had been trained."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in backbone.model.named_parameters():
            if "lora_B" in name or "lora_magnitude_vector" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)


def effective(layer: Any, variant: str, alpha: float, rank: int) -> Tensor:
    """Compute the weight of a layer with its adapter from the papers' formulas."""
    first, second = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    weight = layer.get_base_layer().weight
    scale = alpha / (math.sqrt(rank) if variant == "rslora" else rank)
    moved = weight.flatten(1) + scale * second.flatten(1) @ first.flatten(1)
    if variant == "dora":
        lengths = layer.lora_magnitude_vector["default"].weight.flatten()
        moved = lengths[:, None] * moved / moved.norm(dim=1, keepdim=True)
    return moved.view_as(weight).detach().clone()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", ["bert", "llama", "efficientnet"])
def test_the_start_is_untouched_and_the_merge_is_the_formula(
    kind: Kind, variant: str, tmp_path: Path
) -> None:
    backbone = tiny_backbone(kind, 3, tmp_path)
    model, batch = backbone.model.eval(), backbone.preprocessing(random_raw(kind, 4))
    with torch.no_grad():
        before = backbone.logits(model(**batch))
    freeze(backbone, 0)
    targets = add_adapters(backbone, plain(lora_rank=4, lora_alpha=3.0, lora_variant=variant))
    with torch.no_grad():
        assert torch.equal(backbone.logits(model.eval()(**batch)), before)
        spread_out(backbone)
        adapted = backbone.logits(model(**batch))
        expected = {path: effective(model.get_submodule(path), variant, 3.0, 4) for path in targets}
        merge_adapters(backbone)
        merged = backbone.logits(model.eval()(**batch))
    assert not torch.allclose(adapted, before, atol=1e-3)
    torch.testing.assert_close(merged, adapted, rtol=1e-4, atol=1e-4 * float(adapted.abs().max()))
    for path, weight in expected.items():
        torch.testing.assert_close(model.get_submodule(path).get_parameter("weight"), weight)


def writer(tmp_path: Path) -> Case:
    backbone = open_writer(tiny_writer_dir(tmp_path / "llama"))
    backbone.head_trained = False  # or what it writes at the start might be kept
    assert isinstance(backbone.model, Writer)
    backbone.model.write_at_most(4)
    return backbone, TextGeneration.of(dialogue_of(backbone)), letter_items(24)


def encoder(tmp_path: Path) -> Case:
    items = MemoryItems(random_raw("bert", 24), [f"class-{row % 3}" for row in range(24)])
    task = make_task("text-classification", items.targets())
    return tiny_backbone("bert", task.outputs, tmp_path, task=task.name), task, items


def pictures(tmp_path: Path) -> Case:
    items = coloured(24)
    task = make_task("image-classification", items.targets())
    return tiny_backbone("efficientnet", task.outputs, tmp_path, task=task.name), task, items


MAKE: dict[str, Callable[[Path], Case]] = {"llama": writer, "bert": encoder, "convolutions": pictures}


@pytest.mark.parametrize("variant", ["dora", "rslora"])
@pytest.mark.parametrize("name", MAKE)
def test_trained_merged_and_reloaded_it_answers_as_in_memory(name: str, variant: str, tmp_path: Path) -> None:
    backbone, task, items = MAKE[name](tmp_path)
    before = copy.deepcopy(backbone.model.state_dict())
    settings = plain(
        strategy="lora", lora_variant=variant, lora_rank=4, lr=5e-3, epochs=2, batch_size=8, engine="torch",
        batchnorm="frozen",
    )  # fmt: skip
    result = train(
        backbone, task, items, items, settings, budget=Budget(), work=tmp_path / "work", reporter=Silent()
    )  # fmt: skip
    assert result.steps == 6
    after = backbone.model.state_dict()
    assert after.keys() == before.keys()
    moved = {key for key in after if not torch.equal(after[key], before[key])}
    layers = {
        f"{path}.weight" for path, one in backbone.model.named_modules()
        if isinstance(one, nn.Linear) or (isinstance(one, nn.Conv2d) and one.weight.shape[2:] == (1, 1))
    }  # fmt: skip
    head = {key for key in after if key.startswith(f"{backbone.head}.")}
    assert moved
    assert moved <= layers | head
    in_memory = SavedModel(backbone=backbone, task=task)
    save_model(in_memory, tmp_path / "model")
    expected = in_memory.outputs(items, engine="torch")
    again = load_model(tmp_path / "model").outputs(items, engine="torch")
    if name == "llama":
        assert task.disagreement(expected, again) == 0.0  # type: ignore[attr-defined]
    else:
        np.testing.assert_allclose(again, expected, atol=1e-4 * np.abs(expected).max())


def test_a_row_of_zeros_gets_a_plain_adapter_and_no_nan() -> None:
    backbone = convolutional(3)
    backbone.model.add_module("other", nn.Conv2d(8, 8, 1))
    with torch.no_grad():
        backbone.model.second[0].weight[3] = 0.0
    before = backbone.model.second[0].weight.detach().clone()
    freeze(backbone, 0)
    settings = plain(lora_rank=2, lora_variant="dora")
    assert add_adapters(backbone, settings) == ["second.0", "other"]
    lengths = [name for name, _ in backbone.model.named_parameters() if "lora_magnitude_vector" in name]
    assert lengths == ["other.lora_magnitude_vector.default.weight"]
    moving = {name for name, one in backbone.model.named_parameters() if one.requires_grad}
    assert {name.split(".lora_")[0] for name in moving} == {"second.0", "other", "head.weight", "head.bias"}
    batch = backbone.preprocessing(coloured(4).batch(range(4)))
    backbone.model(**batch).sum().backward()
    grown = backbone.model.get_parameter("second.0.lora_B.plain.weight")
    assert grown.grad is not None
    assert torch.isfinite(grown.grad).all()
    spread_out(backbone)
    adapted = backbone.model.eval()(**batch)
    merge_adapters(backbone)
    torch.testing.assert_close(backbone.model.eval()(**batch), adapted)
    assert torch.isfinite(backbone.model.second[0].weight).all()
    assert not torch.equal(backbone.model.second[0].weight, before)


def test_only_dora_looks_for_rows_of_zeros() -> None:
    backbone = convolutional(3)
    with torch.no_grad():
        backbone.model.second[0].weight[3] = 0.0
    add_adapters(backbone, plain(lora_rank=2, lora_variant="rslora"))
    assert not [name for name, _ in backbone.model.named_parameters() if "plain" in name]


@pytest.mark.parametrize(
    ("variant", "zeros", "words"),
    [
        ("lora", True, "adapters: LoRA of rank 4, scale 2, on 1 of 1 layers"),
        ("rslora", True, "adapters: rsLoRA of rank 4, scale 4, on 1 of 1 layers"),
        ("dora", False, "adapters: DoRA of rank 4, scale 2, on 1 of 1 layers"),
        ("dora", True, "DoRA of rank 4, scale 2, on 0 of 1 layers; plain LoRA where .* direction: second.0"),
    ],
)
def test_the_run_says_what_it_put_on(variant: str, zeros: bool, words: str, tmp_path: Path) -> None:
    backbone = convolutional(3)
    if zeros:
        with torch.no_grad():
            backbone.model.second[0].weight[0] = 0.0
    settings = plain(strategy="lora", lora_rank=4, lora_alpha=8.0, lora_variant=variant, epochs=1)
    said: list[str] = []

    class Notes(Silent):
        """Keeps what is said."""

        def say(self, text: str) -> None:
            """Keep a line."""
            said.append(text)

    items = coloured(12)
    task = make_task("image-classification", items.targets())
    train(
        backbone, task, items, items, settings, budget=Budget(), work=tmp_path / "work", reporter=Notes()
    )  # fmt: skip
    (line,) = [one for one in said if one.startswith("adapters: ")]
    assert re.search(words, line)


def test_lengths_of_rows_are_not_decayed_whatever_their_shape() -> None:
    backbone = convolutional(3)
    freeze(backbone, 0)
    settings = plain(lora_rank=2, lora_variant="dora", weight_decay=0.1)
    add_adapters(backbone, settings)
    found = magnitudes(backbone)
    assert [tuple(one.shape) for one in backbone.model.parameters() if id(one) in found] == [(1, 8, 1, 1)]
    decay = {
        id(one): group["weight_decay"]
        for group in parameter_groups(backbone, settings)
        for one in group["params"]
    }
    assert {decay[one] for one in found} == {0.0}
    assert decay[id(backbone.model.get_parameter("second.0.lora_A.default.weight"))] == 0.1


def test_an_unmerged_description_counts_layers(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    settings = plain(lora_variant="dora")
    targets = add_adapters(backbone, settings)
    assert describe_adapters(backbone, settings).endswith(f"on {len(targets)} of {len(targets)} layers")
