"""Intervals of validation figures: right width, reproducible, honest about figures that are not numbers."""

import numpy as np
import pytest

from crosstune.probing.intervals import figure, measured, paired, signed
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.registry import make_task


def share(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, ...]:
    return ((outputs[:, 0] == targets).astype(float),)


SPEC = MetricSpec(name="share", higher_is_better=True, prepare=share, reduce=np.mean)


def test_the_interval_of_a_share_is_about_binomial() -> None:
    outputs, targets = np.zeros((1000, 1)), (np.arange(1000) % 10 == 0).astype(float)
    metric = measured(SPEC, outputs, targets, seed=0)
    assert metric.value == figure(SPEC, outputs, targets) == pytest.approx(0.9)
    error = 1.96 * np.sqrt(0.9 * 0.1 / 1000)
    assert metric.low == pytest.approx(0.9 - error, abs=0.006)
    assert metric.high == pytest.approx(0.9 + error, abs=0.006)
    assert metric == measured(SPEC, outputs, targets, seed=0)


def test_figures_that_are_not_numbers_rank_last() -> None:
    lower = MetricSpec(name="loss", higher_is_better=False, prepare=share, reduce=lambda _values: np.nan)
    assert signed(SPEC, 0.3) == 0.3
    assert signed(lower, 0.3) == -0.3
    assert signed(lower, np.nan) == signed(SPEC, np.nan) == -np.inf
    assert np.isnan(measured(lower, np.zeros((3, 1)), np.zeros(3), seed=0).low)


def test_a_paired_interval_is_antisymmetric_and_wider_for_more_comparisons() -> None:
    task = make_task("image-classification", ["a", "b"])
    spec = task.metrics["accuracy"]
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 2, 400)
    ours, theirs = (
        np.eye(2)[np.where(draw.random(400) < wrong, 1 - targets, targets)] for wrong in (0.1, 0.2)
    )
    one = paired(spec, ours, theirs, targets, seed=0)
    turned = paired(spec, theirs, ours, targets, seed=0)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-one.value, -one.high, -one.low))
    hits = (ours.argmax(1) == targets).astype(float) - (theirs.argmax(1) == targets)
    assert one.value == pytest.approx(hits.mean())
    assert one.high - one.low == pytest.approx(2 * 1.96 * hits.std() / 20, rel=0.1)
    five = paired(spec, ours, theirs, targets, seed=0, comparisons=5)
    assert five.low < one.low < one.high < five.high
    same = paired(task.metrics["log-loss"], ours, ours, targets, seed=0)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    better = paired(task.metrics["log-loss"], ours, theirs, targets, seed=0)
    assert better.value > 0
