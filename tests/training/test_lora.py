"""Adapters sit where they should, change nothing at first, and merge into a plain model."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from crosstune.frozen.freeze import freeze
from crosstune.training.errors import AdapterMergeDiffers, NoAdapterTargets
from crosstune.training.lora import adapter_targets, add_adapters, check_merge, merge_adapters
from tests.support.tiny import Kind, random_images, random_texts, tiny_backbone
from tests.training.small import convolutional, flat, plain


@pytest.mark.parametrize("kind", ["bert", "vit", "efficientnet"])
def test_targets_are_linear_or_pointwise_and_never_the_head(kind: Kind, tmp_path: Path) -> None:
    backbone = tiny_backbone(kind, 3, tmp_path)
    raw = random_texts(4) if kind in ("bert", "llama") else random_images(4)
    batch, model = backbone.preprocessing(raw), backbone.model.eval()
    with torch.no_grad():
        before = backbone.logits(model(**batch))
    freeze(backbone, 0)
    plain_keys = model.state_dict().keys()
    targets = add_adapters(backbone, plain(lora_rank=4))
    assert backbone.head not in targets
    moving = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name in moving if "lora" not in name} == {
        f"{backbone.head}.{k}" for k in ("weight", "bias")
    }
    with torch.no_grad():
        torch.testing.assert_close(backbone.logits(model.eval()(**batch)), before)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
        adapted = backbone.logits(model(**batch))
        merge_adapters(backbone)
        merged = backbone.logits(model.eval()(**batch))
    assert not torch.allclose(adapted, before, atol=1e-3)
    check_merge(adapted.numpy(), merged.numpy())
    assert model.state_dict().keys() == plain_keys


def test_depthwise_and_head_get_none() -> None:
    assert adapter_targets(convolutional(3)) == ["second.0"]
    with pytest.raises(NoAdapterTargets):
        adapter_targets(flat(3))


def test_the_projection_of_multihead_attention_is_left_alone() -> None:
    backbone = copy.deepcopy(convolutional(3))
    backbone.model.add_module("attention", nn.MultiheadAttention(8, 2))
    assert adapter_targets(backbone) == ["second.0"]


def test_a_layer_whose_path_ends_like_a_target_gets_no_adapter() -> None:
    backbone = convolutional(3)
    backbone.model.add_module("out_proj", nn.Linear(8, 8))
    backbone.model.add_module("attention", nn.MultiheadAttention(8, 2))  # has an out_proj of its own
    backbone.model.add_module("odd", nn.Sequential(nn.Linear(8, 8)))
    backbone.model.odd.add_module("head", nn.Linear(8, 8))  # ends like the head, and is none
    assert add_adapters(backbone, plain(lora_rank=2)) == ["second.0", "out_proj", "odd.0", "odd.head"]
    adapted = {name.split(".lora_")[0] for name, _ in backbone.model.named_parameters() if ".lora_" in name}
    assert adapted == {"second.0", "out_proj", "odd.0", "odd.head"}


def test_a_merge_that_differs_is_an_error() -> None:
    outputs = np.float32([[1.0, -20.0]])
    check_merge(outputs, outputs + 1e-3)
    with pytest.raises(AdapterMergeDiffers):
        check_merge(outputs, outputs + 3e-3)
    with pytest.raises(AdapterMergeDiffers):
        check_merge(outputs, outputs * np.float32(np.nan))
