"""The interval of a figure measured on validation rows, by a small bootstrap."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.core.seeding import generator
from crosstune.tasks.base import MetricSpec

RESAMPLES = 200
"""Enough for an interval that informs; reported figures get their own 1,000 elsewhere."""


def figure(spec: MetricSpec, outputs: NDArray[Any], targets: NDArray[Any]) -> float:
    """Compute one metric."""
    return float(spec.reduce(*spec.prepare(outputs, targets)))


def signed(spec: MetricSpec, value: float) -> float:
    """Turn a figure so that higher is better; a figure that is not a number is the worst."""
    if np.isnan(value):
        return -np.inf
    return value if spec.higher_is_better else -value


def measured(spec: MetricSpec, outputs: NDArray[Any], targets: NDArray[Any], *, seed: int) -> Metric:
    """Compute a metric with its 95 % percentile interval over 200 resamples of the N rows."""
    prepared = spec.prepare(outputs, targets)
    value = float(spec.reduce(*prepared))
    count = len(outputs)
    draw = generator(seed, "closed-form interval")
    values = []
    for _ in range(RESAMPLES):
        rows = draw.integers(0, count, count)
        values.append(float(spec.reduce(*(array[rows] for array in prepared))))
    known = [one for one in values if np.isfinite(one)]
    if not known:
        return Metric(value, value, value)
    low, high = np.percentile(known, [2.5, 97.5])
    return Metric(value, float(low), float(high))


PAIRED_RESAMPLES = 1000
"""For an interval that a decision rests on."""


def paired(
    spec: MetricSpec,
    ours: NDArray[Any],
    theirs: NDArray[Any],
    targets: NDArray[Any],
    *,
    seed: int,
    comparisons: int = 1,
) -> Metric:
    """Measure how much better ``ours`` is than ``theirs`` on the same N rows; positive is better.

    The percentile interval of the difference on the same resampled rows. With several comparisons against
    one rival each interval has the level ``1 - 0.05 / comparisons`` (Bonferroni), so that in one set of
    comparisons out of twenty, at most, any of them excludes zero by chance.

    Checked by: ``tests/probing/test_intervals.py``: antisymmetric, wider for more comparisons.
    """
    sign = 1.0 if spec.higher_is_better else -1.0
    first, second = spec.prepare(ours, targets), spec.prepare(theirs, targets)

    def difference(rows: NDArray[np.int64] | slice) -> float:
        left, right = (tuple(array[rows] for array in arrays) for arrays in (first, second))
        return sign * float(spec.reduce(*left) - spec.reduce(*right))

    draw, count = generator(seed, "paired interval"), len(targets)
    values = np.array([difference(draw.integers(0, count, count)) for _ in range(PAIRED_RESAMPLES)])
    known, value = values[np.isfinite(values)], difference(slice(None))
    if not len(known):
        return Metric(value, value, value)
    tail = 2.5 / comparisons
    low, high = np.percentile(known, [tail, 100.0 - tail])
    return Metric(value, float(low), float(high))
