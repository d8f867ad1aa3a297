"""The best weights are kept, in memory and on disk, whatever the direction of the metric."""

import math
from pathlib import Path

import torch

from crosstune.training.keeper import BEST, SOUP_MOST, Keeper
from crosstune.training.snapshot import Weights, read


def weights(value: float) -> Weights:
    return {"w": torch.full((2,), value)}


def test_smaller_is_better_where_the_metric_says_so(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, higher_is_better=False, soup=False)
    offers = [math.nan, 3.0, 2.0, 2.0, 5.0]
    better = [
        keeper.offer(step, figure, lambda step=step: weights(step)) for step, figure in enumerate(offers)
    ]
    assert better == [True, True, True, False, False]
    assert (keeper.step, keeper.figure(keeper.score)) == (2, 2.0)
    assert torch.equal(read(tmp_path / BEST)["w"], weights(2)["w"])


def test_only_the_best_checkpoints_wait_for_a_soup(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, higher_is_better=True, soup=True)
    for step in range(SOUP_MOST + 3):
        keeper.offer(step, float(step), lambda step=step: weights(step))
    kept = sorted(one.step for one in keeper.ingredients)
    assert kept == list(range(3, SOUP_MOST + 3))
    assert sorted(path.name for path in tmp_path.glob("soup-*")) == [
        f"soup-{step}.safetensors" for step in kept
    ]
    assert all(float(one.load()["w"][0]) == one.step for one in keeper.ingredients)


def test_nothing_taken_is_nan(tmp_path: Path) -> None:
    assert math.isnan(Keeper(tmp_path, higher_is_better=True, soup=False).figure(-math.inf))
