"""What moves under each strategy, and the head that training starts from."""

import numpy as np
import pytest
import torch

from crosstune.core.errors import BadValue
from crosstune.core.head import HeadWeights
from crosstune.training.strategies import cut_at, load_head, lowest_cut, set_mode
from tests.training.small import convolutional, plain


@pytest.mark.parametrize(
    ("strategy", "cuts"),
    [("head", [4, 4, 4]), ("last", [2, 2, 2]), ("gradual", [3, 2, 1]), ("full", [0] * 3), ("lora", [0] * 3)],
)
def test_cuts_by_epoch(strategy: str, cuts: list[int]) -> None:
    settings = plain(strategy=strategy, last_blocks=2)
    assert [cut_at(settings, 4, epoch) for epoch in range(3)] == cuts
    assert lowest_cut(settings, 4, 3) == min(cuts)
    assert cut_at(plain(strategy="gradual"), 4, 9) == 0


def test_strategies_that_cannot_be() -> None:
    with pytest.raises(BadValue, match="fewer blocks"):
        cut_at(plain(strategy="last", last_blocks=5), 4, 0)
    with pytest.raises(BadValue, match="nothing by gradient"):
        cut_at(plain(strategy="closed-form"), 4, 0)


def head_for(features: str = "head") -> HeadWeights:
    draw = np.random.default_rng(0)
    return HeadWeights(
        features=features,
        kind="ridge",
        weight=draw.normal(size=(3, 8)),
        bias=draw.normal(size=3),
        penalty=1.0,
    )


def test_the_closed_form_head_is_copied() -> None:
    backbone, head = convolutional(3), head_for()
    load_head(backbone, head)
    x = torch.randn(5, 3, 8, 8)
    taps: list[torch.Tensor] = []
    backbone.head_module().register_forward_pre_hook(lambda _, arguments: taps.append(arguments[0]))
    outputs = backbone.model.eval()(x)
    np.testing.assert_allclose(outputs.detach(), head(taps[0].detach().numpy()), atol=1e-5)
    with pytest.raises(ValueError, match="does not fit"):
        load_head(backbone, head_for("all"))


def test_lora_rests_every_batchnorm_and_nothing_else() -> None:
    backbone = convolutional(3)
    set_mode(backbone, plain(strategy="lora"), epoch=0)
    modes = {type(module).__name__: module.training for module in backbone.model.modules()}
    assert not modes["BatchNorm2d"]
    assert modes["Dropout"]
