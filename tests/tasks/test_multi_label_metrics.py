"""Metrics of independent labels against scikit-learn."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, log_loss

from crosstune.tasks.multi_label_metrics import multi_label_metrics
from crosstune.tasks.numerics import sigmoid

Array = NDArray[Any]


def measured(outputs: Array, targets: Array) -> dict[str, float]:
    specs = multi_label_metrics(outputs.shape[1])
    return {name: spec.reduce(*spec.prepare(outputs, targets)) for name, spec in specs.items()}


def test_metrics_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    outputs = draw.normal(size=(300, 4))
    targets = (outputs + draw.normal(size=(300, 4)) > 0.5).astype(np.float32)
    predicted = outputs > 0
    ours = measured(outputs, targets)
    assert next(iter(ours)) == "macro-f1"
    assert ours["macro-f1"] == pytest.approx(f1_score(targets, predicted, average="macro"))
    assert ours["micro-f1"] == pytest.approx(f1_score(targets, predicted, average="micro"))
    assert ours["exact-match"] == pytest.approx(accuracy_score(targets, predicted))
    expected = log_loss(targets.ravel(), sigmoid(outputs).ravel())
    assert ours["log-loss"] == pytest.approx(expected)


def test_a_label_that_occurs_nowhere_does_not_count() -> None:
    outputs, targets = np.array([[5.0, -5.0], [-5.0, -5.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert measured(outputs, targets)["macro-f1"] == pytest.approx(2 / 3)


def test_without_any_label_f1_is_zero() -> None:
    ours = measured(np.full((3, 2), -1.0), np.zeros((3, 2)))
    assert (ours["macro-f1"], ours["micro-f1"], ours["exact-match"]) == (0.0, 0.0, 1.0)
