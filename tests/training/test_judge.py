"""Weights are put in whole or refused, and only averages get new BatchNorm statistics."""

import numpy as np
import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.head import HeadWeights
from crosstune.core.progress import Silent
from crosstune.tasks.registry import make_task
from crosstune.training.judge import judging, put, starting_weights, whole
from tests.training.small import coloured, convolutional, plain

TRAIN, VALIDATION = coloured(24), coloured(12, seed=1)
TASK = make_task("image-classification", TRAIN.targets())
HEAD = HeadWeights(features="head", kind="ridge", weight=np.ones((3, 8)), bias=np.arange(3.0), penalty=1.0)


def test_the_start_has_the_given_head_and_the_model_keeps_its_own() -> None:
    backbone = convolutional(3)
    before = whole(backbone)
    start = starting_weights(backbone, HEAD)
    assert start.keys() == before.keys() == backbone.model.state_dict().keys()
    different = {name for name in start if not torch.equal(start[name], before[name])}
    assert different == {"head.weight", "head.bias"}
    assert start["head.bias"].tolist() == [0.0, 1.0, 2.0]
    assert all(torch.equal(before[name], after) for name, after in whole(backbone).items())


def test_weights_of_another_model_are_refused() -> None:
    backbone = convolutional(3)
    weights = whole(backbone)
    for odd in (
        {name: tensor for name, tensor in weights.items() if name != "head.bias"},
        {**weights, "lora_A": torch.zeros(1)},
        {**weights, "head.bias": torch.zeros(4)},
    ):
        with pytest.raises(ValueError, match="not those of small"):
            put(backbone, odd)


@pytest.mark.parametrize(
    ("values", "moves"),
    [
        ({"strategy": "full"}, {"stem", "first", "second"}),
        ({"strategy": "last"}, {"second"}),
        ({"strategy": "lp-ft", "batchnorm": "frozen"}, set()),
        ({"strategy": "lora"}, set()),
    ],
)
def test_statistics_of_averages_are_measured_where_they_were_trained(
    values: dict[str, str], moves: set[str]
) -> None:
    backbone = convolutional(3)
    weights = whole(backbone)
    with judging(
        backbone, TASK, TRAIN, VALIDATION, plain(batch_size=8, **values), budget=Budget(), reporter=Silent()
    ) as judge:
        plainly = judge.outputs(weights, averaged=False)
        assert all(torch.equal(weights[name], tensor) for name, tensor in judge.held().items())
        averaged = judge.outputs(weights, averaged=True)
        held = judge.held()
        score = judge.score(averaged)
    moved = {name.split(".")[0] for name in held if not torch.equal(held[name], weights[name])}
    assert moved == moves
    assert np.array_equal(plainly, averaged) == (not moves)
    assert score == (averaged.argmax(1) == TASK.encode(VALIDATION.targets())).mean()
    assert not any(module.training for module in backbone.model.modules())
    assert judge.score(np.full((12, 3), np.float32(0))) == pytest.approx(1 / 3)
