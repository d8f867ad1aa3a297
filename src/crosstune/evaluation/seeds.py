"""Figures of trainings that were repeated with several seeds. Shapes: N examples, K outputs, S seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from crosstune.core.metric import Metric
from crosstune.evaluation.bootstrap import check_rows, resamples_of, taken
from crosstune.tasks.base import MetricSpec

Z95 = 1.96


def seeded(
    spec: MetricSpec,
    ours: Sequence[NDArray[Any]],
    targets: NDArray[Any],
    *,
    theirs: Sequence[NDArray[Any]] = (),
    resamples: int = 1000,
) -> tuple[Metric, tuple[float, ...]]:
    """Mean of a metric over seeds, or how much better it is than another mean, with a 95 % interval.

    The interval holds for another draw of test rows and another draw of seeds. The two are independent, so
    their half widths add as squares: rows by a bootstrap in which all trainings see the same resampled rows
    (paired, as in ``evaluation/paired.py``), seeds by Welch's interval of a difference of means, whose t
    quantile is honest for as few as three. A side with one output (no randomness in its training) adds
    nothing to the second. Source: Welch 1947, Biometrika 34; Efron and Tibshirani 1993, chapter 13.

    Args:
        spec: the metric; for a difference the sign is turned where lower is better.
        ours: S times ``(N, K)`` outputs on the same examples.
        targets: what ``task.encode`` gave for the N examples.
        theirs: the same of the other side; empty asks for the mean of ``ours`` alone.
        resamples: of the rows.

    Returns:
        The figure, and the metric of each of ``ours``.

    Checked by: ``tests/evaluation/test_seeds.py``: coverage on drawn seeds and rows, and antisymmetry.
    """
    check_rows(targets, *ours, *theirs)
    first = [spec.prepare(outputs, targets) for outputs in ours]
    second = [spec.prepare(outputs, targets) for outputs in theirs]
    own, other = (np.array([spec.reduce(*one) for one in side]) for side in (first, second))
    sign = -1.0 if second and not spec.higher_is_better else 1.0

    def figure(index: NDArray[np.int64]) -> float:
        """Compute the figure on some of the rows."""
        drawn = [[spec.reduce(*taken(one, index)) for one in side] for side in (first, second)]
        return sign * float(np.mean(drawn[0]) - (np.mean(drawn[1]) if second else 0.0))

    draws = [figure(index) for index in resamples_of(len(targets), seed=0, resamples=resamples)]
    value = sign * float(own.mean() - (other.mean() if second else 0.0))
    half = float(np.hypot(Z95 * np.std(draws, ddof=1), _seeds_half(own, other)))
    return Metric(value, value - half, value + half), tuple(own.tolist())


def _seeds_half(*sides: NDArray[np.float64]) -> float:
    """Give the half width of Welch's interval for the means of one or two sides."""
    parts = [(side.var(ddof=1) / len(side), len(side) - 1) for side in sides if len(side) > 1]
    variance = sum(part for part, _ in parts)
    if variance == 0.0:
        return 0.0
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    return float(t.ppf(0.975, freedom) * np.sqrt(variance))
