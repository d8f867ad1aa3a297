"""Metrics with intervals, against the normal approximation."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.evaluation.bootstrap import resamples_of, with_interval
from crosstune.evaluation.scores import point, score
from crosstune.tasks.registry import make_task

Array = NDArray[Any]


def right_with(share: float, examples: int, seed: int) -> tuple[Array, Array]:
    """Two classes; each example is right with this probability."""
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, 2, examples)
    predicted = np.where(draw.random(examples) < share, targets, 1 - targets)
    return np.eye(2)[predicted] * 3.0, targets


def test_the_interval_of_a_share_is_the_normal_one() -> None:
    task = make_task("image-classification", ["a", "b"])
    outputs, targets = right_with(0.8, 2000, seed=0)
    accuracy = score(task, outputs, targets)["accuracy"]
    half = 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / 2000)
    assert accuracy.high - accuracy.low == pytest.approx(2 * half, rel=0.08)
    assert (accuracy.low + accuracy.high) / 2 == pytest.approx(accuracy.value, abs=0.1 * half)


def test_intervals_cover_the_truth_nearly_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(100):
        hits = np.random.default_rng(seed).random(200) < 0.7
        indices = resamples_of(200, seed=seed, resamples=300)
        metric = with_interval(hits.mean(), np.array([hits[index].mean() for index in indices]))
        covered += metric.low <= 0.7 <= metric.high
    assert 87 <= covered <= 100  # 95 expected, sd 2.2


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("image-classification", ["a", "b", "c"] * 20),
        ("text-classification", [["a"], ["a", "b"], []] * 20),
        ("text-regression", [1.0, 4.0, 5.0] * 20),
    ],
)
def test_figures_are_those_of_point_in_the_order_of_the_task_and_json(name: str, targets: list[Any]) -> None:
    task = make_task(name, targets)
    encoded = task.encode(targets)
    outputs = np.random.default_rng(0).normal(size=(len(targets), task.outputs))
    found = score(task, outputs, encoded, resamples=50)
    assert {key: metric.value for key, metric in found.items()} == point(task, outputs, encoded)
    assert list(found) == list(task.metrics)
    rows = json.loads(json.dumps({k: m.to_json() for k, m in found.items()}, allow_nan=False))
    assert {key: Metric.from_json(row) for key, row in rows.items()} == found


def test_the_seed_decides_and_the_dtype_of_outputs_does_not() -> None:
    task = make_task("image-classification", ["a", "b"])
    outputs, targets = right_with(0.8, 100, seed=1)
    first = score(task, outputs, targets, seed=3, resamples=50)
    assert first == score(task, outputs, targets, seed=3, resamples=50)
    assert first != score(task, outputs, targets, seed=4, resamples=50)
    single = score(task, outputs.astype(np.float32), targets, seed=3, resamples=50)
    assert single["log-loss"].value == pytest.approx(first["log-loss"].value)


def test_one_example_and_none() -> None:
    task = make_task("text-regression", [1.0, 2.0])
    found = score(task, np.zeros((1, 1)), task.encode([2.0]), resamples=5)
    assert found["mae"] == Metric(0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="no example"):
        score(task, np.zeros((0, 1)), task.encode([]))
    with pytest.raises(ValueError, match="2 rows of outputs but 1 targets"):
        point(task, np.zeros((2, 1)), task.encode([2.0]))
