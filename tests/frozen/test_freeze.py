"""Frozen means no gradient, no drifting statistics, no dropout."""

import pytest
import torch
from torch import nn

from crosstune.frozen.freeze import block_parameters, evaluating, freeze, train_mode
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import KINDS, Kind


@pytest.mark.parametrize("kind", KINDS)
def test_block_parameters_and_head_are_all_parameters_once(kind: Kind, backbone: OpenTiny) -> None:
    opened = backbone(kind)
    grouped = [parameter for block in block_parameters(opened) for parameter in block]
    everything = [*grouped, *opened.head_module().parameters()]
    assert len({id(p) for p in everything}) == len(everything)
    assert {id(p) for p in everything} == {id(p) for p in opened.model.parameters()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_step_leaves_frozen_blocks_untouched(
    kind: Kind, backbone: OpenTiny, items: MakeItems
) -> None:
    opened = backbone(kind)
    cut = 3
    freeze(opened, cut)
    paths = [path for block in opened.blocks[:cut] for path in block.modules]
    frozen = {path: {k: v.clone() for k, v in opened.model.get_submodule(path).state_dict().items()}
              for path in paths}  # fmt: skip
    batch = opened.preprocessing(items(kind, 6).batch(range(6)))
    moving = [p for p in opened.model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in moving]
    optimizer = torch.optim.SGD(moving, lr=0.1)
    for _ in range(2):
        train_mode(opened, cut)
        opened.logits(opened.model(**batch)).square().sum().backward()
        optimizer.step()
    for path, state in frozen.items():
        module = opened.model.get_submodule(path)
        assert not any(inner.training for inner in module.modules())
        for name, tensor in module.state_dict().items():
            assert torch.equal(tensor, state[name]), (path, name)
    assert any(not torch.equal(a, b) for a, b in zip(before, moving, strict=True))
    assert opened.model.get_submodule(opened.blocks[cut].modules[0]).training


def test_the_border_moves_both_ways_and_fixed_parameters_stay_fixed(backbone: OpenTiny) -> None:
    opened = backbone("timm-vit")
    fixed = opened.model.get_parameter("pos_embed")
    fixed.requires_grad_(False)
    freeze(opened, len(opened.blocks))
    assert [n for n, p in opened.model.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    freeze(opened, 0)
    assert [n for n, p in opened.model.named_parameters() if not p.requires_grad] == ["pos_embed"]
    with pytest.raises(ValueError, match=r"0\.\.8, got 9"):
        freeze(opened, 9)


def test_loose_parameters_freeze_with_their_block(backbone: OpenTiny) -> None:
    opened = backbone("timm-vit")
    freeze(opened, 1)
    assert not opened.model.get_parameter("cls_token").requires_grad
    assert not opened.model.get_parameter("pos_embed").requires_grad


def test_evaluating_gives_every_module_its_mode_back() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    model[1].eval()
    inside = []

    def fail() -> None:
        with evaluating(model):
            inside.extend(module.training for module in model.modules())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not any(inside)
    assert [module.training for module in model.modules()] == [True, True, False, False]


def test_blocks_behind_those_that_move_are_frozen_too(backbone: OpenTiny) -> None:
    opened = backbone("resnet")
    freeze(opened, 1, 3)
    train_mode(opened, 1, 3)
    for number, (block, parameters) in enumerate(zip(opened.blocks, block_parameters(opened), strict=True)):
        moves = 1 <= number < 3
        assert all(one.requires_grad == moves for one in parameters)
        assert all(opened.model.get_submodule(path).training == moves for path in block.modules)
    assert all(one.requires_grad for one in opened.head_module().parameters())
    with pytest.raises(ValueError, match="got 99"):
        freeze(opened, 1, 99)
