"""Curves whose answer is known: they fall and rise, only fall, only rise, or say nothing."""

import numpy as np
import pytest

from crosstune.training.rate_curve import read_curve, smooth

RATES = np.geomspace(1e-7, 1.0, 100)
DECADES = np.log10(RATES)


def noisy(curve: np.ndarray, size: float = 0.02, seed: int = 0) -> list[float]:
    return (curve + size * np.random.default_rng(seed).normal(size=len(curve))).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_lies_between_the_lowest_loss_and_the_rise(seed: int) -> None:
    falls = 1.0 - 0.7 / (1 + np.exp(-4 * (DECADES + 4)))  # half-way down at 1e-4
    rises = np.exp(3 * (DECADES + 1.5))  # e-fold every third of a decade; 1 at 10 ** -1.5
    reading = read_curve(RATES.tolist(), noisy(falls + rises, seed=seed), 1.0)
    assert reading.largest is not None
    assert 1e-3 < reading.largest < 10**-1.8
    assert "falls" in reading.because


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_only_rises_is_usable_until_it_does(seed: int) -> None:
    curve = 0.5 + np.exp(4 * (DECADES + 2))  # 0.5 is doubled at 10 ** -2.2
    reading = read_curve(RATES.tolist(), noisy(curve, seed=seed), 0.5)
    assert reading.largest is not None
    assert 1e-4 < reading.largest < 10**-2.2
    assert "does not fall" in reading.because


def test_a_loss_that_only_falls_allows_the_largest_rate_that_was_tried() -> None:
    curve = noisy(np.linspace(1.0, 0.2, 100))
    assert read_curve(RATES.tolist(), curve, 1.0).largest == RATES[-1]
    broke = read_curve(RATES.tolist(), curve, 1.0, broke=True)
    assert (broke.largest, "not finite" in broke.because) == (RATES[-1], True)


@pytest.mark.parametrize("size", [0.0, 1e-9, 0.05])
def test_a_flat_curve_has_no_answer(size: float) -> None:
    for seed in range(5):
        reading = read_curve(RATES.tolist(), noisy(np.ones(100), size, seed), 1.0)
        assert reading.largest is None
        assert "the same at all rates" in reading.because


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_few_rates_are_no_curve(count: int) -> None:
    reading = read_curve(RATES[:count].tolist(), [1.0 + i for i in range(count)], 1.0, broke=True)
    assert reading.largest is None
    assert len(reading.smoothed) == count


def test_one_bad_batch_does_not_end_the_range() -> None:
    curve = 1.0 - 0.7 / (1 + np.exp(-4 * (DECADES + 4))) + np.exp(3 * (DECADES + 1.5))
    losses = noisy(curve)
    losses[20] += 1.0  # at 2.5e-6
    reading = read_curve(RATES.tolist(), losses, 1.0)
    assert reading.largest is not None
    assert 1e-3 < reading.largest < 10**-1.8


def test_smoothing_keeps_a_constant_and_looks_both_ways() -> None:
    np.testing.assert_allclose(smooth(np.full(9, 3.0)), 3.0)
    one = smooth(np.eye(21)[10])
    np.testing.assert_allclose(one, one[::-1])
    assert one[10] == pytest.approx(1 / np.exp(-0.125 * np.arange(-10, 11) ** 2).sum())
