"""Intervals of the figures of a ranking: whole groups are drawn or left out, never parts of one.

Shapes: N rows, B resamples.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.core.seeding import generator
from crosstune.probing.intervals import RESAMPLES
from crosstune.tasks.base import MetricSpec

FOLDS = 10
"""Of the jackknife: its deviation is known to about a quarter."""

Prepared = tuple[NDArray[np.generic], ...]
"""What ``MetricSpec.prepare`` gave."""


def draws(groups: NDArray[np.intp], *, seed: int, resamples: int = RESAMPLES) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of ``resamples`` bootstrap samples of the groups (rows, where each is its own group)."""
    draw = generator(seed, "ranking interval")
    sizes = np.bincount(groups)
    if sizes.max(initial=0) <= 1:
        for _ in range(resamples):
            yield draw.integers(0, len(groups), len(groups))
        return
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    for _ in range(resamples):
        yield np.concatenate([members[one] for one in draw.integers(0, len(members), len(members))])


def mean_figure(spec: MetricSpec, heads: Sequence[Prepared], rows: NDArray[np.intp] | None = None) -> float:
    """Average one metric over several heads' answers on the same rows; ``None``: all of them."""
    found = [
        float(spec.reduce(*(array if rows is None else array[rows] for array in prepared)))
        for prepared in heads
    ]
    return float(np.mean(found))


def bootstrapped(
    figure: Callable[[NDArray[np.intp] | None], float], groups: NDArray[np.intp], *, seed: int
) -> Metric:
    """Give ``figure`` of all rows (``None``) its 95 % percentile interval over resamples of the groups.

    Resamples on which the figure is not a number are passed over; with none left there is no interval.
    """
    value = figure(None)
    values = [one for rows in draws(groups, seed=seed) if np.isfinite(one := figure(rows))]
    if not values or not np.isfinite(value):
        return Metric(value, value, value)
    low, high = np.percentile(values, [2.5, 97.5])
    return Metric(value, float(low), float(high))


def jackknifed(
    value: float,
    figure: Callable[[NDArray[np.intp]], float],
    groups: NDArray[np.intp],
    *,
    seed: int,
) -> Metric:
    """Give ``value`` a 95 % interval from ten figures, each without a tenth of the groups.

    For figures that a bootstrap would change: a row drawn twice looks like two examples that agree.
    The interval is ``value`` plus and minus 1.96 jackknife deviations; with fewer than two groups it is
    ``value`` alone.
    """
    count = int(groups.max(initial=0)) + 1
    folds = min(FOLDS, count)
    if folds < 2:
        return Metric(value, value, value)
    fold = generator(seed, "jackknife").permutation(count)[groups] % folds
    found = np.array([figure(np.flatnonzero(fold != one)) for one in range(folds)])
    deviation = float(np.sqrt((folds - 1) / folds * ((found - found.mean()) ** 2).sum()))
    return Metric(value, value - 1.96 * deviation, value + 1.96 * deviation)
