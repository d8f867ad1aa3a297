"""Intervals over rows and seeds: they cover the truth as often as they say, and know their sign."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.evaluation.seeds import seeded
from crosstune.tasks.registry import make_task

TASK = make_task("image-classification", ["a", "b"])
ACCURACY = TASK.metrics["accuracy"]
ROWS = 300


def trained(draw: np.random.Generator, level: float, spread: float, seeds: int) -> list[NDArray[np.float64]]:
    """Draw outputs of trainings whose accuracy is ``level`` for an average seed; every row is of class 0."""
    found = []
    for _ in range(seeds):
        right = draw.random(ROWS) < level + spread * draw.normal()
        found.append(np.stack([right, ~right], axis=1).astype(float))
    return found


TARGETS = np.zeros(ROWS, dtype=np.int64)


def test_the_mean_is_that_of_the_seeds() -> None:
    ours = trained(np.random.default_rng(0), 0.8, 0.02, 3)
    metric, values = seeded(ACCURACY, ours, TARGETS, resamples=200)
    assert list(values) == [float((one.argmax(axis=1) == 0).mean()) for one in ours]
    assert metric.value == pytest.approx(np.mean(values))
    assert metric.low < metric.value < metric.high


def test_a_difference_is_antisymmetric_and_wider_than_that_of_rows_alone() -> None:
    draw = np.random.default_rng(1)
    ours, theirs = trained(draw, 0.85, 0.04, 3), trained(draw, 0.75, 0.04, 3)
    gain, _ = seeded(ACCURACY, ours, TARGETS, theirs=theirs, resamples=200)
    loss, _ = seeded(ACCURACY, theirs, TARGETS, theirs=ours, resamples=200)
    assert gain.value == pytest.approx(-loss.value)
    assert (gain.low, gain.high) == pytest.approx((-loss.high, -loss.low))
    single, _ = seeded(ACCURACY, ours[:1], TARGETS, theirs=theirs[:1], resamples=200)
    paired, _ = seeded(ACCURACY, [ours[0]] * 3, TARGETS, theirs=[theirs[0]] * 3, resamples=200)
    assert paired.high - paired.low == pytest.approx(single.high - single.low)


def test_a_loss_is_turned_so_that_positive_is_better() -> None:
    draw = np.random.default_rng(2)
    ours, theirs = trained(draw, 0.9, 0.0, 2), trained(draw, 0.6, 0.0, 2)
    gain, _ = seeded(TASK.metrics["log-loss"], ours, TARGETS, theirs=theirs, resamples=100)
    assert gain.low > 0


def test_the_interval_covers_the_true_difference_of_three_seeds() -> None:
    draw, hits, tries = np.random.default_rng(3), 0, 120
    for _ in range(tries):
        ours, theirs = trained(draw, 0.8, 0.03, 3), trained(draw, 0.7, 0.03, 3)
        gain, _ = seeded(ACCURACY, ours, TARGETS, theirs=theirs, resamples=60)
        hits += gain.low <= 0.1 <= gain.high
    assert hits / tries >= 0.93
