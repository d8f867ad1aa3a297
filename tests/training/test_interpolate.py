"""The ends of the line are the ends, bit for bit, and the model holds the best point."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.interpolate import ALPHAS, BOTH_ENDS, Interpolation, Point, between, interpolate
from crosstune.training.judge import put, whole
from crosstune.training.snapshot import Weights
from tests.training.small import coloured, convolutional, plain

TRAIN, VALIDATION = coloured(24), coloured(12, seed=1)
TASK = make_task("image-classification", TRAIN.targets())


def moved(weights: Weights, size: float) -> Weights:
    """Weights some way off; statistics stay possible ones."""
    torch.manual_seed(0)
    return {
        name: tensor + size * torch.rand_like(tensor) if tensor.is_floating_point() else tensor + 7
        for name, tensor in weights.items()
    }


def equal(ours: Weights, theirs: Weights) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def run(
    backbone: Backbone, start: Weights, *, seconds: float | None = None, batchnorm: str = "train"
) -> Interpolation:
    return interpolate(
        backbone, TASK, TRAIN, VALIDATION, plain(strategy="full", batch_size=8, batchnorm=batchnorm),
        start=start, budget=Budget(seconds), reporter=Silent(),
    )  # fmt: skip


@settings(max_examples=25)
@given(alpha=st.floats(0, 1), seed=st.integers(0, 5))
def test_a_point_is_the_weighted_mean(alpha: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    start = {"w": torch.from_numpy(draw.normal(size=5).astype(np.float32)), "n": torch.tensor(1)}
    end = {"w": torch.from_numpy(draw.normal(size=5).astype(np.float32)), "n": torch.tensor(9)}
    found = between(start, end, alpha)
    exact = (1 - alpha) * start["w"].double() + alpha * end["w"].double()
    torch.testing.assert_close(found["w"], exact.float())
    assert found["w"].dtype == torch.float32
    assert alpha == 0.0 or found["n"] == 9


def test_both_ends_and_what_is_equal_at_both_are_exact() -> None:
    start = whole(convolutional(3))
    end = moved(start, 0.5)
    assert equal(between(start, end, 0.0), start)
    assert equal(between(start, end, 1.0), end)
    same = {name: tensor for name, tensor in start.items() if "num_batches" not in name}
    assert all(equal(between(same, same, alpha), same) for alpha in ALPHAS)
    with pytest.raises(ValueError, match="the same names"):
        between(start, same, 0.5)


def test_every_point_is_judged_and_the_model_holds_the_best() -> None:
    backbone = convolutional(3)
    start = whole(backbone)
    end = moved(start, 0.3)
    put(backbone, end)
    found = run(backbone, start, batchnorm="frozen")
    assert [point.alpha for point in found.points] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7,
                                                                     0.8, 0.9, 1])  # fmt: skip
    encoded = TASK.encode(VALIDATION.targets())
    for point in found.points:
        assert point.score == (point.outputs.argmax(1) == encoded).mean()
    assert found.best.score == max(point.score for point in found.points)
    ties = [point.alpha for point in found.points if point.score == found.best.score]
    assert found.best.alpha == max(ties)
    assert equal(whole(backbone), between(start, end, found.best.alpha))
    for point, weights in ((found.points[0], start), (found.tuned, end)):
        put(backbone, weights)
        outputs = backbone.model(**backbone.preprocessing(VALIDATION.batch(range(12)))).detach().numpy()
        assert np.array_equal(point.outputs, outputs)


def test_statistics_between_the_ends_are_measured_anew() -> None:
    backbone = convolutional(3)
    start = whole(backbone)
    end = moved(start, 0.3)
    put(backbone, end)
    found, frozen = run(backbone, start), None
    put(backbone, end)
    frozen = run(backbone, start, batchnorm="frozen")
    differ = [
        not np.array_equal(ours.outputs, theirs.outputs)
        for ours, theirs in zip(found.points, frozen.points, strict=True)
    ]
    assert differ == [False, *[True] * 9, False]


def test_without_time_the_tuned_model_stays() -> None:
    backbone = convolutional(3)
    start = whole(backbone)
    end = moved(start, 0.3)
    put(backbone, end)
    found = run(backbone, start, seconds=0.0)
    assert [point.alpha for point in found.points] == [1.0]
    assert found.best is found.tuned
    assert equal(whole(backbone), end)


def test_what_is_watched_stands_beside_the_score_and_the_choice_is_the_callers() -> None:
    backbone = convolutional(3)
    start = whole(backbone)
    end = moved(start, 0.3)
    put(backbone, end)
    seen: list[Weights] = []

    def watch() -> float:
        seen.append(whole(backbone))
        return float(len(seen))

    def second(points: Sequence[Point]) -> Point | None:
        return next((one for one in points if one.kept == 2.0), None)

    found = interpolate(
        backbone, TASK, TRAIN, VALIDATION, plain(strategy="full", batch_size=8, batchnorm="frozen"),
        start=start, budget=Budget(None), reporter=Silent(), watch=watch, choose=second, alphas=BOTH_ENDS,
    )  # fmt: skip
    assert found.best.alpha == BOTH_ENDS[1] == 0.0
    assert equal(whole(backbone), start)
    for alpha, weights in zip(BOTH_ENDS, seen, strict=True):
        assert equal(weights, between(start, end, alpha))
    assert sorted(BOTH_ENDS) == sorted(ALPHAS)


def test_so_many_points_are_judged_whatever_the_time() -> None:
    backbone = convolutional(3)
    start = whole(backbone)
    end = moved(start, 0.3)
    put(backbone, end)
    found = interpolate(
        backbone, TASK, TRAIN, VALIDATION, plain(strategy="full", batch_size=8, batchnorm="frozen"),
        start=start, budget=Budget(0.0), reporter=Silent(), choose=nothing, alphas=BOTH_ENDS, forced=2,
    )  # fmt: skip
    assert [point.alpha for point in found.points] == [0.0, 1.0]
    assert equal(whole(backbone), end)  # nothing was chosen: the first that was tried


def nothing(_points: Sequence[Point]) -> None:
    return None
