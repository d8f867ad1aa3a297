"""The kernel discrepancy: equal to the double sum, unbiased, with a p-value that is uniform under chance."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from scipy.stats import kstest

from crosstune.probing.mmd import median_distance, mmd
from crosstune.probing.sides import Sides


def noise(rows: int, width: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(rows, width))


def double_sum(x: NDArray[np.float64], y: NDArray[np.float64], sigma: float) -> float:
    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(-(cdist(a, b) ** 2) / (2 * sigma**2))

    within = [(kernel(z, z).sum() - len(z)) / (len(z) * (len(z) - 1)) for z in (x, y)]
    return float(sum(within) - 2 * kernel(x, y).mean())


@pytest.mark.parametrize("rows", [31, 40])
def test_it_is_the_double_sum_at_the_median_distance(rows: int) -> None:
    values = noise(rows, 4, 0) + 100
    values[20:] += 0.5
    found = mmd(values, Sides.of(20, rows - 20), permutations=5)
    assert found.bandwidth == pytest.approx(float(np.median(pdist(values))))
    assert found.bandwidth == median_distance(values)
    assert found.value == pytest.approx(double_sum(values[:20], values[20:], found.bandwidth))
    fixed = mmd(values, Sides.of(20, rows - 20), bandwidth=0.7, permutations=5)
    assert fixed.value == pytest.approx(double_sum(values[:20], values[20:], 0.7))


def test_every_exchange_is_a_double_sum_too() -> None:
    values, sides = noise(24, 3, 1), Sides.of(10, 14)
    found = mmd(values, sides, permutations=40, seed=3)
    sums = [
        double_sum(values[~names], values[names], found.bandwidth) for names in sides.exchanged(40, seed=3)
    ]
    assert found.p == pytest.approx((1 + sum(one >= found.value for one in sums)) / 41)
    assert found.chance == pytest.approx(float(np.percentile(sums, 95)))


def test_under_chance_it_is_zero_on_average_and_p_is_uniform() -> None:
    found = [mmd(noise(60, 3, seed), Sides.of(35, 25), permutations=99, seed=seed) for seed in range(120)]
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert values.min() < 0 < values.max()
    assert kstest([one.p for one in found], "uniform").pvalue > 0.01


def test_groups_are_exchanged_whole() -> None:
    groups = np.repeat(np.arange(16), 10)
    values = noise(16, 5, 4)[groups] + 0.1 * noise(160, 5, 5)
    assert mmd(values, Sides.of(80, 80)).p < 0.02  # twice eight films always differ, frame by frame
    assert mmd(values, Sides.of(80, 80, groups.tolist())).p > 0.05


def test_a_difference_of_spread_alone_is_found() -> None:
    values = noise(160, 3, 6)
    values[80:] *= 1.8
    assert mmd(values, Sides.of(80, 80)).p < 0.01


def test_equal_rows_everywhere_give_zero() -> None:
    found = mmd(np.ones((10, 3)), Sides.of(5, 5))
    assert (found.value, found.p, found.bandwidth) == (0.0, 1.0, 0.0)
