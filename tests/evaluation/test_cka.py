"""CKA by its definition as a U-statistic, and what it must not see: rotation, scale, shift."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ortho_group

from crosstune.evaluation.cka import linear_cka


def features(rows: int, width: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(rows, width)) + 3.0


def brute_hsic(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Average the kernel of HSIC over all ordered quadruples of different rows (Gretton 2005, theorem 1)."""
    k, m = first @ first.T, second @ second.T
    terms = [k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in permutations(range(len(first)), 4)]
    return float(np.mean(terms))


def test_it_is_the_u_statistic() -> None:
    ours, theirs = features(8, 5, 0), features(8, 3, 1)
    theirs[:, 0] += 2 * ours[:, 1]
    expected = brute_hsic(ours, theirs) / np.sqrt(brute_hsic(ours, ours) * brute_hsic(theirs, theirs))
    assert linear_cka(ours, theirs) == pytest.approx(expected, abs=1e-9)


def test_equal_features_give_one_whatever_their_rotation_scale_and_shift() -> None:
    ours = features(30, 6, 0)
    assert linear_cka(ours, ours) == pytest.approx(1.0)
    turned = 0.01 * ours @ ortho_group.rvs(6, random_state=0) + 7.0
    assert linear_cka(ours, turned) == pytest.approx(1.0)
    theirs = features(30, 6, 1)
    assert linear_cka(turned, theirs) == pytest.approx(linear_cka(ours, theirs), abs=1e-9)


def test_unrelated_features_give_about_zero_at_any_width() -> None:
    found = [linear_cka(features(40, 400, seed), features(40, 400, seed + 100)) for seed in range(20)]
    assert abs(np.mean(found)) < 0.03  # the biased estimate is 0.9 here


def test_what_does_not_vary_has_no_alignment() -> None:
    assert np.isnan(linear_cka(np.ones((6, 3)), features(6, 3, 0)))
    with pytest.raises(ValueError, match="at least 4"):
        linear_cka(features(3, 2, 0), features(3, 2, 0))
