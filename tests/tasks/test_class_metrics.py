"""Metrics of exclusive classes against scikit-learn and hand-computed cases."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss

from crosstune.tasks.class_metrics import calibration_bin, class_metrics
from crosstune.tasks.numerics import softmax

Array = NDArray[Any]


def measured(outputs: Array, targets: Array) -> dict[str, float]:
    specs = class_metrics(outputs.shape[1])
    return {name: spec.reduce(*spec.prepare(outputs, targets)) for name, spec in specs.items()}


def test_metrics_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    outputs, targets = draw.normal(size=(200, 5)), draw.integers(0, 5, 200)
    predicted = outputs.argmax(axis=1)
    ours = measured(outputs, targets)
    assert next(iter(ours)) == "accuracy"
    assert ours["accuracy"] == pytest.approx(accuracy_score(targets, predicted))
    assert ours["balanced-accuracy"] == pytest.approx(balanced_accuracy_score(targets, predicted))
    assert ours["macro-f1"] == pytest.approx(f1_score(targets, predicted, average="macro"))
    assert ours["log-loss"] == pytest.approx(log_loss(targets, softmax(outputs), labels=range(5)))


def test_classes_that_occur_nowhere_do_not_count() -> None:
    outputs, targets = np.eye(4)[[0, 0, 1]], np.array([0, 1, 1])  # class 2 and 3: never
    ours = measured(outputs, targets)
    assert ours["balanced-accuracy"] == pytest.approx((1.0 + 0.5) / 2)
    assert ours["macro-f1"] == pytest.approx(2 / 3)


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    assert measured(np.array([[2000.0, 0.0]]), np.array([1]))["log-loss"] == 2000.0


def logits_of(probability: float) -> list[float]:
    """Two classes; the first is predicted with this probability."""
    return [np.log(probability / (1 - probability)), 0.0]


def test_calibration_error_by_hand() -> None:
    # bins of 1/15: 0.61 and 0.65 share (0.6, 0.667]; 0.9 is alone
    outputs = np.array([logits_of(p) for p in (0.61, 0.65, 0.9)])
    targets = np.array([0, 1, 0])
    expected = (2 * abs(0.5 - 0.63) + 1 * abs(1.0 - 0.9)) / 3
    assert measured(outputs, targets)["calibration-error"] == pytest.approx(expected)


def test_certain_and_right_is_calibrated() -> None:
    outputs = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    assert measured(outputs, np.array([0, 1]))["calibration-error"] == 0.0
    assert measured(outputs, np.array([1, 0]))["calibration-error"] == 1.0


def test_bins_are_open_below_and_closed_above() -> None:
    assert calibration_bin(np.array([0.0, 1e-9, 1 / 15, 0.0667, 0.2, 1.0])).tolist() == [0, 0, 0, 1, 2, 14]
