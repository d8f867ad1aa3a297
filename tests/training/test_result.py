"""Alarms: sentences about what looks wrong, and silence about what does not."""

import numpy as np

from crosstune.tasks.registry import make_task
from crosstune.training.result import alarms

TASK = make_task("image-classification", ["a", "b", "c"])
TARGETS = np.array([0, 1, 2, 0])
FALLING = list(np.linspace(1.0, 0.1, 40))


def test_one_class_predicted() -> None:
    outputs = np.tile(np.float32([0.1, 0.9, 0.0]), (4, 1))
    (sentence,) = alarms(TASK, FALLING, outputs, TARGETS)
    assert sentence.startswith("one class is predicted")
    assert alarms(TASK, FALLING, outputs, np.array([1, 1, 1, 1])) == []
    assert alarms(TASK, FALLING, np.eye(3, dtype=np.float32)[TARGETS], TARGETS) == []


def test_a_loss_that_does_not_fall() -> None:
    (sentence,) = alarms(TASK, [0.7] * 40, None, TARGETS)
    assert "did not fall: 0.7 in the first quarter" in sentence
    assert alarms(TASK, [0.7] * 10, None, TARGETS) == []
    assert alarms(TASK, FALLING, None, TARGETS) == []
