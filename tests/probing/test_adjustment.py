"""Class weights as shifts of calibrated logits."""

from typing import Any

import numpy as np
import pytest

from crosstune.core.errors import BadValue, UnknownName
from crosstune.core.settings import Settings
from crosstune.probing.adjustment import class_shift
from crosstune.tasks.registry import make_task

RAW = ["a"] * 6 + ["b"] * 3 + ["c"]
TASK = make_task("text-classification", RAW)
TARGETS = TASK.linear_targets(TASK.encode(RAW))


@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        ({}, [1, 1, 1]),
        ({"class_weights": "auto"}, [1 / 6, 1 / 3, 1]),
        ({"class_weights": {"b": 4.0}}, [1, 4, 1]),
        ({"loss": "logit-adjusted"}, [1 / 6, 1 / 3, 1]),
        ({"loss": "focal"}, [1, 1, 1]),
    ],
)
def test_shifts_are_logarithms_of_weights(settings: dict[str, Any], weights: list[float]) -> None:
    shift = class_shift(TASK, Settings(**settings), TARGETS)
    expected = np.log(weights)
    np.testing.assert_allclose(shift, expected - expected.mean(), atol=1e-12)


def test_class_balanced_nearly_inverts_small_counts() -> None:
    shift = class_shift(TASK, Settings(loss="class-balanced"), TARGETS)
    np.testing.assert_allclose(shift[2] - shift[0], np.log(6), atol=1e-2)


def test_other_targets_take_no_weights_or_are_not_moved_by_them() -> None:
    values = make_task("text-regression", [1.0, 2.0, 4.0])
    scaled = values.linear_targets(values.encode([1.0, 2.0, 4.0]))
    assert not class_shift(values, Settings(), scaled).any()
    with pytest.raises(BadValue):
        class_shift(values, Settings(class_weights="auto"), scaled)
    several = make_task("text-classification", [["a"], ["a", "b"]])
    multi = several.linear_targets(several.encode([["a"], ["a", "b"]]))
    assert not class_shift(several, Settings(class_weights={"a": 3.0}), multi).any()
    with pytest.raises(UnknownName):
        class_shift(several, Settings(class_weights={"z": 3.0}), multi)
    with pytest.raises(BadValue):
        class_shift(several, Settings(class_weights="auto"), multi)
