"""Metrics of independent labels. Shapes: N examples, K labels; targets ``(N, K)`` of 0 and 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks import sums
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.numerics import checked, log_sigmoid

Arrays = tuple[NDArray[Any], ...]


def multi_label_metrics(labels: int) -> Mapping[str, MetricSpec]:
    """Metrics of ``labels`` independent labels at the threshold 0.5; macro F1 is the primary one.

    Sources and formulas: ``docs/reference/losses-and-metrics.md``.
    Checked by: ``tests/tasks/test_multi_label_metrics.py``, against scikit-learn.
    """

    def decisions(
        outputs: NDArray[Any], targets: NDArray[Any]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        predicted = checked(outputs, labels) > 0  # a probability over 0.5
        return np.asarray(targets) > 0.5, predicted

    def by_label(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        truth, predicted = decisions(outputs, targets)
        # float32: summing over the examples is then one matrix product, and exact up to 2^24.
        both = truth.astype(np.float32) + predicted.astype(np.float32)
        return (truth & predicted).astype(np.float32), both

    def by_example(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        truth, predicted = decisions(outputs, targets)
        return (truth & predicted).sum(axis=1), truth.sum(axis=1) + predicted.sum(axis=1)

    def exact(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        truth, predicted = decisions(outputs, targets)
        return ((truth == predicted).all(axis=1),)

    def surprise(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        values = checked(outputs, labels)
        sign = np.where(np.asarray(targets) > 0.5, 1.0, -1.0)
        return (-log_sigmoid(sign * values).mean(axis=1),)

    specs = (
        MetricSpec(name="macro-f1", higher_is_better=True, prepare=by_label, reduce=_macro_f1),
        MetricSpec(
            name="micro-f1", higher_is_better=True, prepare=by_example, reduce=_micro_f1,
            parts=_doubled, from_sums=sums.ratio,
        ),
        MetricSpec(
            name="exact-match", higher_is_better=True, prepare=exact, reduce=_mean,
            parts=sums.with_count, from_sums=sums.mean,
        ),
        MetricSpec(
            name="log-loss", higher_is_better=False, prepare=surprise, reduce=_mean,
            parts=sums.with_count, from_sums=sums.mean,
        ),
    )  # fmt: skip
    return {spec.name: spec for spec in specs}


def _doubled(found: NDArray[np.int64], both: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([2.0 * found, both], axis=1)


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean())


def _macro_f1(found: NDArray[np.float32], both: NDArray[np.float32]) -> float:
    ones = np.ones(len(found), np.float32)
    hits, marked = (ones @ found).astype(np.float64), (ones @ both).astype(np.float64)
    occurs = marked > 0
    return float((2.0 * hits[occurs] / marked[occurs]).mean()) if occurs.any() else 0.0


def _micro_f1(found: NDArray[np.int64], both: NDArray[np.int64]) -> float:
    marked = both.sum()
    return float(2.0 * found.sum() / marked) if marked else 0.0
