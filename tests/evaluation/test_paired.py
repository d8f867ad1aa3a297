"""Paired differences: sign, antisymmetry, and the normal approximation."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.evaluation.paired import paired_difference
from crosstune.evaluation.scores import score
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task

ThreeClasses = tuple[Task, NDArray[Any], NDArray[Any], NDArray[Any]]


@pytest.fixture
def three_classes() -> ThreeClasses:
    draw = np.random.default_rng(0)
    raw = draw.choice(["a", "b", "c"], 400).tolist()
    task = make_task("image-classification", raw)
    targets = task.encode(raw)
    theirs = np.eye(3)[targets] + draw.normal(size=(400, 3))
    return task, targets, theirs + 0.5 * np.eye(3)[targets], theirs


@pytest.mark.parametrize("name", ["accuracy", "log-loss", "macro-f1", "balanced-accuracy"])
def test_better_is_positive_and_swapping_turns_the_sign(three_classes: ThreeClasses, name: str) -> None:
    task, targets, ours, theirs = three_classes
    spec = task.metrics[name]
    there = paired_difference(spec, ours, theirs, targets, resamples=300)
    back = paired_difference(spec, theirs, ours, targets, resamples=300)
    assert there.value > 0
    assert there.low > 0
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))


def test_a_model_is_not_better_than_itself(three_classes: ThreeClasses) -> None:
    task, targets, ours, _ = three_classes
    for spec in task.metrics.values():
        assert paired_difference(spec, ours, ours, targets, resamples=20) == Metric(0.0, 0.0, 0.0)


def test_the_interval_is_the_normal_one_of_the_paired_differences(three_classes: ThreeClasses) -> None:
    task, targets, ours, theirs = three_classes
    found = paired_difference(task.metrics["accuracy"], ours, theirs, targets)
    hits = [(outputs.argmax(axis=1) == targets).astype(float) for outputs in (ours, theirs)]
    half = 1.96 * (hits[0] - hits[1]).std() / np.sqrt(len(targets))
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)
    alone = [score(task, outputs, targets)["accuracy"] for outputs in (ours, theirs)]
    assert found.high - found.low < sum(metric.high - metric.low for metric in alone)


def test_different_lengths_are_refused(three_classes: ThreeClasses) -> None:
    task, targets, ours, theirs = three_classes
    with pytest.raises(ValueError, match="399 rows of outputs but 400 targets"):
        paired_difference(task.metrics["accuracy"], ours, theirs[:-1], targets)
