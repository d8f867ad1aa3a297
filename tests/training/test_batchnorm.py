"""BatchNorm statistics measured anew are the averages over the batches."""

from typing import Any

import numpy as np
import pytest
import torch

from crosstune.frozen.freeze import freeze, train_mode
from crosstune.training import batchnorm
from crosstune.training.batchnorm import reestimate, refresh_batchnorm, training_batchnorms
from crosstune.training.forward import Forward
from crosstune.training.loader import Loaded
from tests.training.small import coloured, convolutional, flat


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
    refresh_batchnorm(Forward(backbone), modules, loaded, device=torch.device("cpu"), channels_last=False)
    with torch.no_grad():
        net.stem.eval()
        inputs = [net.first[0](net.stem(one)) for one in pictures]
    expected = torch.stack([one.mean((0, 2, 3)) for one in inputs]).mean(0)
    torch.testing.assert_close(net.first[1].running_mean, expected)
    assert torch.equal(net.stem[1].running_mean, stem)
    assert net.first[1].momentum == 0.1
    assert net.second[3].training
    assert net.first[1].training


def test_statistics_of_the_target_are_those_of_its_rows_and_no_weight_moves() -> None:
    backbone, rows = convolutional(3), coloured(100, seed=4)
    freeze(backbone, 2)
    before = {name: one.clone() for name, one in backbone.model.named_parameters()}
    reestimate(backbone, rows, seed=0)
    with torch.no_grad():
        inner = backbone.model.stem[0](backbone.preprocessing(rows.batch(range(100)))["x"])
    norm = backbone.model.stem[1]
    torch.testing.assert_close(norm.running_mean, inner.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, inner.transpose(0, 1).flatten(1).var(1))
    assert all(torch.equal(one, before[name]) for name, one in backbone.model.named_parameters())
    assert not any(module.training for module in backbone.model.modules())
    first = norm.running_mean.clone()
    reestimate(backbone, rows, seed=0)
    assert torch.equal(norm.running_mean, first)


def test_every_batch_has_64_rows_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    seen = batchnorm.refresh_batchnorm

    def watched(forward: Any, modules: Any, batches: Any, **named: Any) -> None:
        kept = list(batches)
        sizes.extend(len(one[0].indices) for one in kept)
        seen(forward, modules, kept, **named)

    monkeypatch.setattr(batchnorm, "refresh_batchnorm", watched)
    reestimate(convolutional(3), coloured(200), seed=0)
    assert sum(sizes) == 200
    assert sorted(sizes) == [66, 67, 67]
    for backbone, rows in ((convolutional(3), 63), (flat(3), 64)):
        with pytest.raises(ValueError, match="at least 64"):
            reestimate(backbone, coloured(rows), seed=0)
