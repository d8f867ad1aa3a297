"""CORAL: the formula, term by term."""

import numpy as np
import pytest

from crosstune.probing.coral import coral, covariance


def test_it_is_the_formula() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(30, 4)), 2 * draw.normal(size=(50, 4))
    difference = np.cov(one.T) - np.cov(other.T)
    expected = sum(float(value) ** 2 for value in difference.ravel()) / (4 * 16)
    assert coral(one, other) == pytest.approx(expected)
    assert coral(one, one + 7) == pytest.approx(0.0)
    assert covariance(one[:1]).tolist() == np.zeros((4, 4)).tolist()
