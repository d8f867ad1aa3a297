"""Answers of left-out rows: the penalty, calibration, absent classes, and targets of every kind."""

import numpy as np
import pytest

from crosstune.probing.leave_group_out import left_out, share_intercept
from crosstune.probing.matrix import Matrix
from crosstune.probing.ridge import PENALTIES
from crosstune.probing.sample import Sample
from crosstune.probing.system import System, measure_system
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task


def system_of(values: np.ndarray) -> System:
    return measure_system(Matrix(((values.astype(np.float32),),)))


def classes(count: int) -> Task:
    return make_task("image-classification", [f"c{one:05}" for one in range(count)])


def test_the_penalty_is_the_best_by_the_user_s_metric_and_ties_go_to_the_larger() -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 150)
    system = system_of(draw.normal(size=(3, 60))[labels] * 0.5 + draw.normal(size=(150, 60)))
    sample = Sample(classes(3), labels, None, 0)
    accuracy = {}
    for penalty in PENALTIES:
        shared = share_intercept(left_out(system, sample.targets, penalty), sample.targets)
        accuracy[penalty] = (shared.argmax(axis=1) == labels).mean()
    answer = sample.ridge(system)
    best = max(accuracy.values())
    assert answer.value == pytest.approx(best)
    assert answer.penalty == max(penalty for penalty, value in accuracy.items() if value == best)
    assert sample.interval(answer).value == answer.value


def test_outputs_are_calibrated() -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 400)
    sample = Sample(classes(2), labels, None, 0)
    answer = sample.ridge(system_of(labels[:, None] * 1.5 + draw.normal(size=(400, 1))))
    loss = sample.task.metrics["log-loss"]
    assert loss.reduce(*loss.prepare(answer.outputs, labels)) < 0.55 < np.log(2)


@pytest.mark.parametrize("grouped", [False, True])
def test_classes_without_a_row_change_nothing(grouped: bool) -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, 100)
    system = system_of(draw.normal(size=(4, 8))[labels] + draw.normal(size=(100, 8)))
    groups = np.arange(100) // 2 if grouped else None
    few, many = Sample(classes(4), labels, groups, 0), Sample(classes(10_000), labels * 2_500, groups, 0)
    for ask in (Sample.ridge, Sample.nearest):
        one, other = ask(few, system), ask(many, system)
        assert other.outputs.shape == (100, 10_000)
        assert (one.value, one.penalty) == (other.value, other.penalty)
        np.testing.assert_allclose(other.outputs[:, ::2_500], one.outputs, rtol=1e-5)
        assert set(np.unique(other.outputs.argmax(axis=1) % 2_500)) == {0}


@pytest.mark.parametrize("rare", [0, 1])
def test_labels_without_a_row_are_not_given(rare: int) -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(80, 3))
    encoded = np.zeros((80, 3), np.float32)
    encoded[:, rare] = values[:, 0] > 0
    sample = Sample(make_task("image-classification", [["a"], ["b"], ["c"]]), encoded, None, 0)
    for answer in (sample.ridge(system_of(values)), sample.nearest(system_of(values))):
        given = answer.outputs > 0
        assert not given[:, [one for one in range(3) if one != rare]].any()
        assert (given[:, rare] == encoded[:, rare]).mean() > 0.85


def test_values_take_the_least_squared_error() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(90, 5))
    task = make_task("text-regression", (values[:, 0] * 7 + 3).tolist())
    sample = Sample(task, values[:, 0], None, 0)
    answer = sample.ridge(system_of(values))
    assert answer.value > 0.99
    assert answer.penalty is not None
    assert answer.penalty <= 1
    noise = Sample(task, draw.normal(size=90), None, 0).ridge(system_of(values))
    assert abs(noise.value) < 0.35
