"""Metrics of predicted values. Shapes: N examples; outputs ``(N, 1)``, targets ``(N,)``, z-scored.

Errors are in the user's units; correlations and R2 have none. Every metric is finite: where nothing
varies a correlation is not defined, and is given as 0, because a constant shows no association.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks import sums
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.numerics import Floats, checked

SMALLEST_SPREAD = 1e-12
"""Values whose spread, relative to their mean, is below this are constant up to rounding."""

ROUNDING = 1e-12
"""Share of a sum of squares that a difference of two such sums cannot be trusted below."""

Arrays = tuple[NDArray[Any], ...]


def value_metrics(mean: float, sd: float) -> Mapping[str, MetricSpec]:
    """Metrics of values z-scored by ``mean`` and ``sd``; Pearson's r is the primary one.

    Sources and formulas: ``docs/reference/losses-and-metrics.md``.
    Checked by: ``tests/tasks/test_value_metrics.py``, against scipy and scikit-learn.
    """

    def values(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[Floats, Floats]:
        predicted: Floats = checked(outputs, 1)[:, 0] * sd + mean
        truth: Floats = np.asarray(targets, np.float64) * sd + mean
        return predicted, truth

    def residuals(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        return (np.abs(checked(outputs, 1)[:, 0] - np.asarray(targets, np.float64)) * sd,)

    def squares(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        return (residuals(outputs, targets)[0] ** 2,)

    specs = (
        MetricSpec(
            name="pearson", higher_is_better=True, prepare=values, reduce=correlation,
            parts=_products, from_sums=_correlations,
        ),
        MetricSpec(
            name="mae", higher_is_better=False, prepare=residuals, reduce=_mean,
            parts=sums.with_count, from_sums=sums.mean,
        ),
        MetricSpec(
            name="rmse", higher_is_better=False, prepare=squares, reduce=_root_mean,
            parts=sums.with_count, from_sums=sums.root_mean,
        ),
        MetricSpec(
            name="r2", higher_is_better=True, prepare=values, reduce=_explained,
            parts=_missed_and_total, from_sums=_explained_shares,
        ),
        MetricSpec(name="spearman", higher_is_better=True, prepare=_dense_ranks, reduce=_rank_correlation),
    )  # fmt: skip
    return {spec.name: spec for spec in specs}


def _products(first: Floats, second: Floats) -> Floats:
    """Give what a correlation is made of, about the means of all rows: less is lost to rounding there."""
    x, y = first - first.mean(), second - second.mean()
    floors = [SMALLEST_SPREAD * abs(float(one.mean())) for one in (first, second)]
    columns = [x, y, x * x, y * y, x * y, *(np.full(len(x), floor**2) for floor in floors)]
    return sums.with_count(*columns)


def _correlations(totals: Floats) -> Floats:
    count, x, y, xx, yy, xy, x_floor, y_floor = totals.T
    own, other = xx - x * x / count, yy - y * y / count
    varies = (own > np.maximum(x_floor, ROUNDING * xx)) & (other > np.maximum(y_floor, ROUNDING * yy))
    norm = np.sqrt(np.where(varies, own * other, 1.0))
    return np.where(varies, np.clip((xy - x * y / count) / norm, -1.0, 1.0), 0.0)


def _missed_and_total(predicted: Floats, truth: Floats) -> Floats:
    centred = truth - truth.mean()
    floor = np.full(len(truth), (SMALLEST_SPREAD * abs(float(truth.mean()))) ** 2)
    return sums.with_count((truth - predicted) ** 2, centred, centred * centred, floor)


def _explained_shares(totals: Floats) -> Floats:
    count, missed, first, second, floor = totals.T
    spread = second - first * first / count
    varies = spread > np.maximum(floor, ROUNDING * second)
    return np.where(varies, 1.0 - missed / np.where(varies, spread, 1.0), 0.0)


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's r, in [-1, 1]; 0 where either side does not vary."""
    pair = []
    for values in (first, second):
        mean = values.mean()
        centred = values - mean
        norm = float(np.sqrt(centred @ centred))
        if norm <= SMALLEST_SPREAD * abs(mean) * np.sqrt(len(values)):
            return 0.0
        pair.append(centred / norm)
    return float(np.clip(pair[0] @ pair[1], -1.0, 1.0))


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean())


def _root_mean(values: NDArray[Any]) -> float:
    return float(np.sqrt(values.mean()))


def _explained(predicted: Floats, truth: Floats) -> float:
    """1 - residual / total sum of squares; 0 where the truth does not vary."""
    centred = truth - truth.mean()
    total = float(centred @ centred)
    if np.sqrt(total) <= SMALLEST_SPREAD * abs(float(truth.mean())) * np.sqrt(len(truth)):
        return 0.0
    missed = truth - predicted
    return 1.0 - float(missed @ missed) / total


def _dense_ranks(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
    """Rank 0, 1, ... of the distinct values: enough to rank any resample by counting, without a sort."""
    predicted = np.unique(checked(outputs, 1)[:, 0], return_inverse=True)[1]
    truth = np.unique(np.asarray(targets, np.float64), return_inverse=True)[1]
    return predicted, truth


def _average_ranks(dense: NDArray[np.int64]) -> Floats:
    """Ranks of a resample, ties sharing the mean of their places."""
    counts = np.bincount(dense)
    places = np.cumsum(counts) - (counts - 1) / 2.0
    ranks: Floats = places[dense]
    return ranks


def _rank_correlation(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    return correlation(_average_ranks(predicted), _average_ranks(truth))
