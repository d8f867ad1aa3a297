"""Reliability bins by hand, and a temperature that is known."""

import numpy as np
import pytest

from crosstune.evaluation.calibration import fit_temperature, reliability
from crosstune.evaluation.scores import point
from crosstune.tasks.numerics import sigmoid, softmax
from crosstune.tasks.registry import make_task


def test_bins_by_hand() -> None:
    task = make_task("image-classification", ["a", "b"])
    outputs = np.array([[np.log(p / (1 - p)), 0.0] for p in (0.61, 0.65, 0.9)])
    rows = reliability(task, outputs, np.array([0, 1, 0]))
    assert rows[0] == pytest.approx((0.63, 0.5, 2))
    assert rows[1] == pytest.approx((0.9, 1.0, 1))
    assert len(rows) == 2


def test_the_bins_give_the_calibration_error() -> None:
    task = make_task("image-classification", ["a", "b", "c"])
    draw = np.random.default_rng(0)
    outputs, targets = draw.normal(size=(500, 3)), draw.integers(0, 3, 500)
    rows = reliability(task, outputs, targets)
    expected = sum(count * abs(accuracy - confidence) for confidence, accuracy, count in rows) / 500
    assert point(task, outputs, targets)["calibration-error"] == pytest.approx(expected)


def test_several_labels_count_every_decision_and_values_have_none() -> None:
    several = make_task("text-classification", [["a"], ["b"]])
    rows = reliability(several, np.array([[0.0, 9.0], [0.0, 9.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]))
    assert [row[1:] for row in rows] == [(0.5, 2), (1.0, 2)]
    values = make_task("text-regression", [1.0, 2.0])
    assert reliability(values, np.zeros((2, 1)), values.encode([1.0, 2.0])) == []


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_known_temperature_is_found(temperature: float) -> None:
    draw = np.random.default_rng(0)
    logits = 2 * draw.normal(size=(20_000, 3))
    targets = (softmax(logits).cumsum(axis=1) < draw.random((20_000, 1))).sum(axis=1)
    assert fit_temperature(logits * temperature, targets) == pytest.approx(temperature, rel=0.05)
    labels = (draw.random((20_000, 3)) < sigmoid(logits)).astype(np.float32)
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_the_range_ends_the_search_where_every_output_is_right() -> None:
    assert fit_temperature(np.eye(2), np.array([0, 1])) == pytest.approx(0.05, rel=1e-3)
