"""Metrics of exclusive classes. Shapes: N examples, K classes; targets ``(N,)`` class indices.

Everything that a bootstrap repeats is sums, or a few passes over arrays of length N: no sort, no ``(K, K)``.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks import sums
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.numerics import Floats, checked, log_softmax, softmax

CALIBRATION_BINS = 15
"""Bins of equal width over (0, 1], as in Guo et al. (2017)."""

Arrays = tuple[NDArray[Any], ...]


def calibration_bin(confidence: Floats) -> NDArray[np.int64]:
    """Index the bin ``((m - 1) / 15, m / 15]`` of each probability; 0 falls in the first."""
    last = CALIBRATION_BINS - 1
    return np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(np.int64) - 1, 0, last)


def class_metrics(classes: int) -> Mapping[str, MetricSpec]:
    """Metrics of ``classes`` exclusive classes; accuracy is the primary one.

    Sources and formulas: ``docs/reference/losses-and-metrics.md``.
    Checked by: ``tests/tasks/test_class_metrics.py``, against scikit-learn and hand-computed cases.
    """

    def decisions(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        return np.asarray(targets, np.int64), checked(outputs, classes).argmax(axis=1)

    def hits(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        truth, predicted = decisions(outputs, targets)
        return (truth == predicted,)

    def surprise(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        logs = log_softmax(checked(outputs, classes))
        return (-logs[np.arange(len(logs)), np.asarray(targets, np.int64)],)

    def balanced_accuracy(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
        support = np.bincount(truth, minlength=classes)
        found = np.bincount(truth[truth == predicted], minlength=classes)
        present = support > 0
        return float((found[present] / support[present]).mean())

    def macro_f1(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
        both = np.bincount(truth, minlength=classes) + np.bincount(predicted, minlength=classes)
        found = np.bincount(truth[truth == predicted], minlength=classes)
        occurs = both > 0
        return float((2.0 * found[occurs] / both[occurs]).mean())

    specs = (
        MetricSpec(
            name="accuracy", higher_is_better=True, prepare=hits, reduce=_mean,
            parts=sums.with_count, from_sums=sums.mean,
        ),
        MetricSpec(
            name="balanced-accuracy", higher_is_better=True, prepare=decisions, reduce=balanced_accuracy,
            parts=partial(_supports, classes), from_sums=_mean_of_ratios,
        ),
        MetricSpec(
            name="macro-f1", higher_is_better=True, prepare=decisions, reduce=macro_f1,
            parts=partial(_both_sides, classes), from_sums=_mean_of_ratios,
        ),
        MetricSpec(
            name="log-loss", higher_is_better=False, prepare=surprise, reduce=_mean,
            parts=sums.with_count, from_sums=sums.mean,
        ),
        MetricSpec(
            name="calibration-error", higher_is_better=False, prepare=_confidence_bins,
            reduce=_calibration_error, parts=_excess_by_bin, from_sums=_calibration_errors,
        ),
    )  # fmt: skip
    return {spec.name: spec for spec in specs}


def _supports(classes: int, truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> Floats:
    """Count hits by class, then examples by true class."""
    hit = sums.one_hot(truth, classes, truth == predicted)
    return np.concatenate([hit, sums.one_hot(truth, classes)], axis=1)


def _both_sides(classes: int, truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> Floats:
    """Count hits by class twice, then examples by true and by predicted class."""
    hit = 2.0 * sums.one_hot(truth, classes, truth == predicted)
    both = sums.one_hot(truth, classes) + sums.one_hot(predicted, classes)
    return np.concatenate([hit, both], axis=1)


def _mean_of_ratios(totals: Floats) -> Floats:
    """Give the mean over the classes that occur of the first half of the columns over the second."""
    above, below = np.split(totals, 2, axis=1)
    occurs = below > 0
    ratios = np.divide(above, below, out=np.zeros_like(above), where=occurs)
    return np.asarray(ratios.sum(axis=1) / occurs.sum(axis=1))


def _excess_by_bin(bins: NDArray[np.int64], excess: Floats) -> Floats:
    return sums.with_count(sums.one_hot(bins, CALIBRATION_BINS, excess))


def _calibration_errors(totals: Floats) -> Floats:
    return np.asarray(np.abs(totals[:, 1:]).sum(axis=1) / totals[:, 0])


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean())


def _confidence_bins(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
    probabilities = softmax(checked(outputs, np.shape(outputs)[1]))
    confidence = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == np.asarray(targets)
    return calibration_bin(confidence), hit - confidence


def _calibration_error(bins: NDArray[np.int64], excess: Floats) -> float:
    return float(np.abs(np.bincount(bins, weights=excess)).sum() / len(bins))
