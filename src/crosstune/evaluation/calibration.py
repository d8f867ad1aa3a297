"""Do probabilities mean what they say? Shapes: N examples, K outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from crosstune.evaluation.bootstrap import check_rows
from crosstune.tasks.base import Task
from crosstune.tasks.class_metrics import CALIBRATION_BINS, calibration_bin
from crosstune.tasks.numerics import Floats, checked, log_sigmoid, log_softmax, sigmoid, softmax

TEMPERATURES = (0.05, 20.0)
"""Range of the search; at either end the outputs were all right, or all noise."""


def reliability(task: Task, outputs: NDArray[Any], targets: NDArray[Any]) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and count for each non-empty bin of 15 of equal width.

    One label: the probability of the predicted class and how often that class was right; the weighted
    mean distance of the two is the metric ``calibration-error``. Several labels: over all N K decisions,
    the probability of a label and how often it applied. Regression: an empty list.

    Raises:
        NonFiniteOutputs: an output is NaN or infinite.
    """
    check_rows(targets, outputs)
    kind = task.linear_kind()
    if kind == "classes":
        probabilities = softmax(checked(outputs, task.outputs))
        confidence = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == targets
    elif kind == "multi-label":
        confidence = sigmoid(checked(outputs, task.outputs)).ravel()
        right = np.asarray(targets).ravel() > 0.5
    else:
        return []
    return _bins(confidence, right)


def fit_temperature(logits: NDArray[Any], targets: NDArray[Any], *, doubt: float = 0.0) -> float:
    """Find the T > 0 for which ``logits / T`` give the lowest log loss; probabilities then mean more.

    The order of the classes does not change. T over 1 says that the model was too sure.

    Args:
        logits: ``(N, K)``, of examples that were not trained on.
        targets: ``(N,)`` class indices, or ``(N, K)`` of 0 and 1 for independent labels.
        doubt: share of every target that is spread evenly over its answers; above 0 the best temperature is
            within the range even where every output is right.

    Returns:
        T in [0.05, 20].

    Raises:
        NonFiniteOutputs: a logit is NaN or infinite.
        ValueError: the lengths differ, or there is no example.

    Source: Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599.
    Checked by: ``tests/evaluation/test_calibration.py``: it finds a known temperature.
    """
    check_rows(targets, logits)
    values = checked(logits, np.shape(logits)[1])

    def loss(log_temperature: float) -> float:
        return log_loss(values / np.exp(log_temperature), targets, doubt=doubt)

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def log_loss(logits: Floats, targets: NDArray[Any], *, doubt: float = 0.0) -> float:
    """Mean negative log-likelihood in nats: over examples, or over all decisions for several labels.

    ``doubt`` is the share of every target that is spread evenly over its answers.
    """
    if targets.ndim == 2:
        sign = np.where(targets > 0.5, 1.0, -1.0)
        right, wrong = log_sigmoid(sign * logits).mean(), log_sigmoid(-sign * logits).mean()
        return -float((1.0 - doubt / 2.0) * right + doubt / 2.0 * wrong)
    logs = log_softmax(logits)
    right = logs[np.arange(len(logits)), targets].mean()
    return -float((1.0 - doubt) * right + doubt * logs.mean())


def _bins(confidence: Floats, right: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    index = calibration_bin(confidence)
    counts = np.bincount(index, minlength=CALIBRATION_BINS)
    filled = counts > 0
    means = np.bincount(index, weights=confidence, minlength=CALIBRATION_BINS)[filled] / counts[filled]
    shares = np.bincount(index, weights=right, minlength=CALIBRATION_BINS)[filled] / counts[filled]
    return list(zip(means.tolist(), shares.tolist(), counts[filled].tolist(), strict=True))
