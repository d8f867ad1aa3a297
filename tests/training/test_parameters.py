"""Groups of parameters: rates by block, no decay on biases and norms, nothing lost."""

import pytest
from torch import nn

from crosstune.frozen.freeze import freeze
from crosstune.training.parameters import parameter_groups
from tests.training.small import convolutional, plain


def test_the_rate_falls_block_by_block_from_the_top() -> None:
    backbone = convolutional(3)
    groups = parameter_groups(backbone, plain(lr=0.1, layer_decay=0.5, head_lr=0.7, weight_decay=0.02))
    rates = {group["block"]: group["peak"] for group in groups}
    assert rates == pytest.approx({0: 0.1 * 0.25, 1: 0.1 * 0.5, 2: 0.1, 3: 0.7})
    for group in groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.02 if parameter.ndim > 1 else 0.0)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in backbone.model.parameters())


def test_frozen_parameters_are_in_no_group() -> None:
    backbone = convolutional(3)
    freeze(backbone, 2)
    assert {group["block"] for group in parameter_groups(backbone, plain())} == {2, 3}


def test_a_parameter_outside_all_blocks_is_not_dropped_in_silence() -> None:
    backbone = convolutional(3)
    backbone.model.register_module("stray", nn.Linear(1, 1))
    with pytest.raises(ValueError, match="stray"):
        parameter_groups(backbone, plain())
