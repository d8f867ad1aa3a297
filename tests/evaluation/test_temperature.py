"""A temperature is found where it helps, and only there; decisions stay."""

import numpy as np
import pytest

from crosstune.evaluation.scores import point
from crosstune.evaluation.temperature import FEWEST, calibrated
from crosstune.tasks.errors import NonFiniteOutputs
from crosstune.tasks.numerics import sigmoid, softmax
from crosstune.tasks.registry import make_task

TASK = make_task("image-classification", ["a", "b", "c"])


def drawn(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right about their probabilities, and targets drawn from them."""
    draw = np.random.default_rng(seed)
    logits = 2 * draw.normal(size=(rows, 3))
    return logits, (softmax(logits).cumsum(axis=1) < draw.random((rows, 1))).sum(axis=1)


@pytest.mark.parametrize("true", [0.5, 4.0])
def test_one_label_gets_its_temperature_and_keeps_its_decisions(true: float) -> None:
    logits, targets = drawn(4000)
    outputs = logits * true
    found = calibrated(TASK, outputs, targets)
    assert found.value == pytest.approx(true, rel=0.1)
    assert found.before is not None
    assert found.after is not None
    assert found.after.log_loss < found.before.log_loss
    assert found.after.error < found.before.error / 2
    before, after = point(TASK, outputs, targets), point(TASK, outputs / found.value, targets)
    assert found.before.error == pytest.approx(before["calibration-error"])
    assert {name for name in before if before[name] != after[name]} == {"log-loss", "calibration-error"}
    assert ("too sure" in found.because) == (true > 1)


def test_several_labels_get_one_temperature_too() -> None:
    task = make_task("text-classification", [["a"], ["b"], []])
    draw = np.random.default_rng(0)
    logits = 2 * draw.normal(size=(4000, 2))
    targets = (draw.random((4000, 2)) < sigmoid(logits)).astype(np.float32)
    found = calibrated(task, 3 * logits, targets)
    assert found.value == pytest.approx(3.0, rel=0.1)
    assert ((logits > 0) == (3 * logits / found.value > 0)).all()


def test_what_is_calibrated_stays_nearly_so() -> None:
    logits, targets = drawn(2000, seed=3)
    assert calibrated(TASK, logits, targets).value == pytest.approx(1.0, abs=0.1)


def test_values_few_examples_and_useless_halves_are_left_alone() -> None:
    values = make_task("image-regression", [1.0, 2.0, 4.0])
    found = calibrated(values, np.zeros((3, 1)), values.encode([1.0, 2.0, 4.0]))
    assert (found.value, found.before, found.after) == (1.0, None, None)
    logits, targets = drawn(FEWEST - 1)
    few = calibrated(TASK, 5 * logits, targets)
    assert (few.value, few.before) == (1.0, few.after)
    flat = calibrated(TASK, np.zeros((40, 3)), np.arange(40) % 3)
    assert (flat.value, "does not help" in flat.because) == (1.0, True)


def test_outputs_that_are_all_right_are_not_made_certain() -> None:
    targets = np.arange(60) % 3
    found = calibrated(TASK, np.eye(3)[targets], targets)
    assert 0.05 < found.value < 1.0
    confidence = softmax(np.eye(3)[targets] / found.value).max()
    assert 0.95 < confidence < 1 - 1 / 200


def test_outputs_that_are_no_numbers_and_no_rows_are_errors() -> None:
    with pytest.raises(NonFiniteOutputs):
        calibrated(TASK, np.full((30, 3), np.nan), np.zeros(30, dtype=int))
    with pytest.raises(ValueError, match="no example"):
        calibrated(TASK, np.zeros((0, 3)), np.zeros(0, dtype=int))
