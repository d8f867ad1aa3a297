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
