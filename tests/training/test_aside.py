"""What is done inside leaves no trace: weights, statistics, adapters, modes, random states."""

import copy
from pathlib import Path

import pytest
import torch

from crosstune.frozen.freeze import train_mode
from crosstune.sources.base import Backbone
from crosstune.training.aside import unchanged
from crosstune.training.lora import add_adapters
from tests.support.tiny import random_texts, tiny_backbone
from tests.training.small import coloured, convolutional, plain

CPU = torch.device("cpu")


def spoil(backbone: Backbone, *, adapted: bool) -> None:
    """Move everything that can move, then fail."""
    if adapted:
        add_adapters(backbone, plain(lora_rank=2))
    train_mode(backbone, 0)
    raw = random_texts(4) if backbone.modality == "text" else coloured(4).batch(range(4))
    backbone.logits(backbone.model(**backbone.preprocessing(raw))).sum().backward()
    with torch.no_grad():
        for parameter in backbone.model.parameters():
            parameter.add_(torch.randn_like(parameter))
    1 / 0  # noqa: B018 - any error


@pytest.mark.parametrize("adapted", [False, True])
def test_everything_is_as_it_was(adapted: bool) -> None:
    backbone = convolutional(3)
    with torch.no_grad():
        backbone.model.second[0].weight[0].fill_(-0.0)  # a sum with zero would lose the sign
    modules = [path for path, _ in backbone.model.named_modules()]
    before, state = copy.deepcopy(backbone.model.state_dict()), torch.get_rng_state()
    for _ in range(2):  # adapters can be put on again
        with pytest.raises(ZeroDivisionError), unchanged(backbone, CPU):
            spoil(backbone, adapted=adapted)
    after = backbone.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.signbit(backbone.model.second[0].weight[0]).all()
    assert torch.equal(torch.get_rng_state(), state)
    assert [path for path, _ in backbone.model.named_modules()] == modules
    assert not any(module.training for module in backbone.model.modules())
    assert all(p.requires_grad and p.grad is None for p in backbone.model.parameters())


def test_a_transformer_gives_its_adapters_back(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    before = copy.deepcopy(backbone.model.state_dict())
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), unchanged(backbone, CPU):
            spoil(backbone, adapted=True)
    after = backbone.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
