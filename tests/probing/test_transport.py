"""Sinkhorn: the limits of no blur and of much, and costs far beyond what float64 can exponentiate."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from crosstune.probing.transport import transport_cost


def test_with_little_blur_it_is_the_best_assignment() -> None:
    draw = np.random.default_rng(0)
    cost = cdist(draw.normal(size=(12, 2)), draw.normal(size=(12, 2)) + 1) ** 2
    rows, columns = linear_sum_assignment(cost)
    exact = cost[rows, columns].mean()
    assert transport_cost(cost, 0.003 * float(np.median(cost))) == pytest.approx(exact, rel=0.02)


def test_with_much_blur_everything_goes_everywhere() -> None:
    cost = np.random.default_rng(1).random((7, 9))
    assert transport_cost(cost, 1e5) == pytest.approx(cost.mean(), rel=1e-3)


def test_huge_costs_are_no_overflow() -> None:
    cost = np.array([[0.0, 1e6], [1e6, 2e6]])
    assert transport_cost(cost, 1.0) == pytest.approx(1e6, rel=1e-3)


@pytest.mark.parametrize(("cost", "epsilon"), [(np.ones((2, 2)), 0.0), (np.array([[np.nan]]), 1.0)])
def test_what_makes_no_sense_is_refused(cost: np.ndarray, epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        transport_cost(cost, epsilon)
