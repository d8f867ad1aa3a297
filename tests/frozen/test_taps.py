"""Taps: pooling by layout, hooks that leave no trace, a prefix that stops at the cut."""

import pytest
import torch
from torch import nn

from crosstune.frozen.taps import OutputModel, PrefixModel, TapModel, first, pool
from crosstune.sources.frames import frame_mask
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import KINDS, Kind


def test_pooling_averages_positions_of_every_layout() -> None:
    values = torch.arange(24.0).reshape(2, 3, 2, 2)
    channels = values.reshape(2, 3, 4).mean(2)
    assert torch.equal(pool(values, "BCHW"), channels)
    assert torch.equal(pool(values.permute(0, 2, 3, 1), "BHWC"), channels)
    assert torch.equal(pool(values.flatten(2).transpose(1, 2), "BTC"), channels)
    assert torch.equal(pool(values.flatten(2), "BCT"), channels)
    assert torch.equal(pool(channels.half(), "BC"), channels.half().float())


def test_masked_tokens_do_not_count() -> None:
    values = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [6.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pool(values, "BTC", mask).tolist() == [[2.0], [4.0]]
    assert pool(values, "BTC", torch.zeros(2, 3)).tolist() == [[0.0], [0.0]]


def test_first_takes_the_leading_tensor_and_nothing_else() -> None:
    one = torch.ones(1)
    assert first((one, None)) is one
    with pytest.raises(TypeError, match="first element is no tensor"):
        first((None, one))


@pytest.mark.parametrize("kind", KINDS)
def test_taps_equal_the_models_own_values_and_leave_no_hook(
    kind: Kind, backbone: OpenTiny, items: MakeItems
) -> None:
    opened = backbone(kind)
    batch = opened.preprocessing(items(kind, 4).batch(range(4)))
    opened.model.eval()
    with torch.no_grad():
        opened.model(**batch)  # transformers itself puts hooks on some models when they first run
        before = hooks(opened.model)
        pooled, head_input = TapModel(opened).eval()(**batch)
        (logits,) = OutputModel(opened).eval()(**batch)
        assert torch.allclose(opened.head_module()(head_input), logits, atol=1e-6)
        start = opened.profile.width if opened.profile else 0
        for number, block in enumerate(opened.blocks, start=1):
            (activation,) = PrefixModel(opened, number).eval()(**batch)
            mask = frame_mask(batch[opened.mask], opened.frames, activation.shape[1]) if opened.mask else None
            here = pooled[:, start : start + block.width]
            assert torch.equal(here, pool(activation, block.layout, mask))
            start += block.width
    assert start == pooled.shape[1]
    assert hooks(opened.model) == before


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_padding_does_not_change_the_features_of_a_text(backbone: OpenTiny) -> None:
    opened = backbone("bert")
    opened.model.eval()
    taps = TapModel(opened).eval()
    with torch.no_grad():
        alone, _ = taps(**opened.preprocessing(["a good film"]))
        padded, _ = taps(
            **opened.preprocessing(["a good film", "the phone was very bad and this day was not"])
        )
    assert torch.allclose(alone[0], padded[0], atol=1e-5)


def test_a_tap_is_pooled_before_the_next_module_overwrites_it(backbone: OpenTiny) -> None:
    opened = backbone("resnet")
    opened.model = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4, 3))
    opened.model.forward = lambda x: nn.Sequential.forward(opened.model, x)
    opened.blocks = (opened.blocks[0].__class__(
        name="stem", modules=("0",), parameters=0, share=0.0, width=1, layout="BCHW"),)  # fmt: skip
    opened.head = "3"
    pooled, _ = TapModel(opened)(x=torch.full((1, 1, 2, 2), -2.0))
    assert pooled.item() == -2.0


def test_a_prefix_computes_nothing_behind_the_cut(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("resnet")
    ran = []
    opened.head_module().register_forward_hook(lambda *_: ran.append(1))
    PrefixModel(opened, 2)(**opened.preprocessing(items("resnet", 2).batch([0, 1])))
    assert not ran
    with pytest.raises(ValueError, match="no prefix"):
        PrefixModel(opened, 0)
