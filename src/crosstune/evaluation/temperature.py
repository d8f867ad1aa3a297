"""One temperature for the outputs of a trained model, so that its probabilities mean what they say.

Dividing all outputs by one number changes no decision and no order. Values have no probabilities and keep
theirs. Closed-form heads come calibrated (``probing/calibration.py``); this is for what gradients trained.
Shapes: N examples, K outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.seeding import generator
from crosstune.evaluation.bootstrap import check_rows
from crosstune.evaluation.calibration import fit_temperature, log_loss, reliability
from crosstune.tasks.base import Task
from crosstune.tasks.numerics import checked

FEWEST = 20
"""ASSUMED: with fewer examples a temperature is chance; the outputs stay as they are."""


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from what happens."""

    log_loss: float
    """Mean negative log-likelihood in nats, over examples (over all N K decisions for several labels)."""
    error: float
    """Expected calibration error: weighted mean distance of confidence and accuracy over 15 bins."""


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """What was found on examples that the model was not trained on."""

    value: float
    """Divide outputs by it; exactly 1 where they should stay as they are."""
    before: Calibration | None
    """``None`` for values."""
    after: Calibration | None
    """With temperatures from the other half of the examples, so that it is as honest as ``before``."""
    examples: int
    because: str


def calibrated(task: Task, outputs: NDArray[Any], encoded: NDArray[Any], *, seed: int = 0) -> Temperature:
    """Find the temperature of a model's outputs, and whether it helps on examples it was not found on.

    The examples are halved at random; each half is judged at the temperature of the other. Only where this
    lowers the log loss is the temperature of all examples taken. One pseudo-example for each answer keeps it
    off the ends where every output is right (Platt 1999; Lin 2007).

    Args:
        task: fitted.
        outputs: ``(N, K)`` of examples that were not trained on: the validation split.
        encoded: ``task.encode`` of their targets.
        seed: of the halves.

    Raises:
        NonFiniteOutputs: an output is NaN or infinite.
        ValueError: the lengths differ, or there is no example.

    Source: Guo et al. (2017), arXiv:1706.04599.
    Checked by: ``tests/evaluation/test_temperature.py``.
    """
    check_rows(encoded, outputs)
    values, count = checked(outputs, task.outputs), len(encoded)
    if task.linear_kind() == "values":
        return _unchanged(None, count, "values have no probabilities")
    before = _calibration(task, values, encoded)
    if count < FEWEST:
        return _unchanged(before, count, f"{count} examples are too few")
    cooled, halves = (
        np.empty_like(values),
        np.array_split(generator(seed, "temperature").permutation(count), 2),
    )
    for mine, other in (halves, halves[::-1]):
        cooled[mine] = values[mine] / _fit(values[other], encoded[other])
    after = _calibration(task, cooled, encoded)
    if not after.log_loss < before.log_loss:
        return _unchanged(
            before, count, "a temperature from one half of the examples does not help the other"
        )
    value = _fit(values, encoded)
    why = "the model was too sure" if value > 1.0 else "the model was not sure enough"
    return Temperature(value=value, before=before, after=after, examples=count, because=why)


def _fit(values: NDArray[np.float64], encoded: NDArray[Any]) -> float:
    return fit_temperature(values, encoded, doubt=1.0 / (len(values) + 2.0))


def _unchanged(before: Calibration | None, count: int, why: str) -> Temperature:
    return Temperature(value=1.0, before=before, after=before, examples=count, because=why)


def _calibration(task: Task, outputs: NDArray[np.float64], encoded: NDArray[Any]) -> Calibration:
    rows = reliability(task, outputs, encoded)
    total = sum(count for _, _, count in rows)
    error = sum(count * abs(share - confidence) for confidence, share, count in rows) / total
    return Calibration(log_loss(outputs, encoded), error)
