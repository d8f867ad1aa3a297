"""Resamples: with replacement, of the right length, decided by the seed."""

import numpy as np

from crosstune.core.metric import Metric
from crosstune.evaluation.bootstrap import resamples_of, taken, with_interval


def test_resamples_draw_uniformly_with_replacement() -> None:
    draws = np.array(list(resamples_of(50, seed=0, resamples=400)))
    assert draws.shape == (400, 50)
    counts = np.bincount(draws.ravel(), minlength=50)
    assert counts.min() > 300
    assert counts.max() < 500
    # the expected share of distinct examples is 1 - (1 - 1/50)^50
    distinct = np.mean([len(set(row)) for row in draws.tolist()]) / 50
    assert abs(distinct - (1 - 0.98**50)) < 0.01


def test_rows_stay_together() -> None:
    first, second = taken((np.arange(4), np.arange(4)[:, None] * 10), np.array([3, 3, 0, 1]))
    assert first.tolist() == [3, 3, 0, 1]
    assert second.tolist() == [[30], [30], [0], [10]]


def test_the_interval_is_the_middle_95_percent() -> None:
    assert with_interval(7.0, np.arange(1001.0)) == Metric(7.0, 25.0, 975.0)
