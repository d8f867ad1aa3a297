"""BatchNorm statistics measured anew are the averages over the batches."""

import numpy as np
import torch

from crosstune.frozen.freeze import train_mode
from crosstune.training.batchnorm import refresh_batchnorm, training_batchnorms
from crosstune.training.forward import Forward
from crosstune.training.loader import Loaded
from tests.training.small import convolutional


def test_statistics_are_plain_averages_and_frozen_ones_stay() -> None:
    backbone = convolutional(3, dropout=0.5)
    train_mode(backbone, 1)
    net = backbone.model
    torch.manual_seed(0)
    pictures = [torch.randn(6, 3, 8, 8) for _ in range(3)]
    loaded = [[Loaded(np.arange(6), {"x": one}, torch.zeros(6))] for one in pictures]
    modules = training_batchnorms(net)
    assert modules == [net.first[1], net.second[1]]
    stem = net.stem[1].running_mean.clone()
    refresh_batchnorm(
        Forward(backbone), modules, loaded, device=torch.device("cpu"), bf16=False, channels_last=False
    )
    with torch.no_grad():
        net.stem.eval()
        inputs = [net.first[0](net.stem(one)) for one in pictures]
    expected = torch.stack([one.mean((0, 2, 3)) for one in inputs]).mean(0)
    torch.testing.assert_close(net.first[1].running_mean, expected)
    assert torch.equal(net.stem[1].running_mean, stem)
    assert net.first[1].momentum == 0.1
    assert net.second[3].training
    assert net.first[1].training
