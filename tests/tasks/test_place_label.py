"""Classes of places: what judges them."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from crosstune.tasks.place_label import DECIDING, place_task


def test_macro_f1_decides_and_is_that_of_scikit_learn() -> None:
    task = place_task(("ground", "cat", "dog"))
    assert next(iter(task.metrics)) == DECIDING
    assert (task.linear_kind(), task.outputs) == ("classes", 3)
    draw = np.random.default_rng(0)
    truth, outputs = draw.choice(3, 90, p=(0.8, 0.15, 0.05)), draw.normal(size=(90, 3))
    spec = task.metrics[DECIDING]
    value = spec.reduce(*spec.prepare(outputs, truth))
    assert value == pytest.approx(f1_score(truth, outputs.argmax(axis=1), average="macro"))


def test_a_rare_class_that_is_never_answered_costs_a_third() -> None:
    task = place_task(("ground", "cat", "dog"))
    truth = np.repeat([0, 1, 2], (90, 9, 1))
    outputs = np.eye(3)[np.where(truth == 2, 0, truth)]
    values = {name: spec.reduce(*spec.prepare(outputs, truth)) for name, spec in task.metrics.items()}
    assert values["accuracy"] == pytest.approx(0.99)
    assert values[DECIDING] == pytest.approx((180 / 181 + 1) / 3)
