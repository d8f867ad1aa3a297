"""Measuring both sides of a cut changes nothing in the model."""

import torch

from crosstune.frozen.freeze import freeze
from crosstune.frozen.measure import measure_cut
from tests.frozen.helpers import MakeItems, OpenTiny


def test_measuring_leaves_weights_gradients_and_statistics_alone(
    backbone: OpenTiny, items: MakeItems
) -> None:
    opened = backbone("efficientnet")
    freeze(opened, 2)
    opened.model.train()
    before = {name: tensor.clone() for name, tensor in opened.model.state_dict().items()}
    batch = opened.preprocessing(items("efficientnet", 4).batch(range(4)))
    costs = measure_cut(opened, 2, batch, seconds=0.0)
    assert costs.prefix_seconds > 0
    assert costs.suffix_seconds > 0
    assert costs.bytes_per_example == 16 * 32 * 32 * 4
    assert all(torch.equal(before[name], t) for name, t in opened.model.state_dict().items())
    assert all(parameter.grad is None for parameter in opened.model.parameters())
    assert opened.model.training
