"""The Frechet distance: closed forms, the published bias, and leading coordinates."""

import numpy as np
import pytest
import scipy.linalg

from crosstune.probing.frechet import frechet, leading_coordinates
from crosstune.probing.halves import debiased
from crosstune.probing.sides import Sides


def test_it_is_the_formula_with_a_matrix_root() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(60, 5)), draw.normal(size=(80, 5)) @ draw.normal(size=(5, 5)) + 1
    first, second = np.cov(one.T), np.cov(other.T)
    root = scipy.linalg.sqrtm(first @ second).real
    shift = one.mean(axis=0) - other.mean(axis=0)
    assert frechet(one, other) == pytest.approx(shift @ shift + np.trace(first + second - 2 * root))
    assert frechet(one, one) == pytest.approx(0.0, abs=1e-9)
    assert frechet(one, one + 3) == pytest.approx(5 * 9)


def test_halves_take_the_bias_off() -> None:
    draw = np.random.default_rng(1)
    values, sides = draw.normal(size=(400, 64)), Sides.of(200, 200)
    raw = frechet(values[:200], values[200:])
    assert raw == pytest.approx(11.0, rel=0.1)  # techniques D: 11.0 at N = 200, D = 64
    found = debiased(lambda one, other: frechet(values[one], values[other]), sides, turns=2)
    assert found.within == pytest.approx(22.8, rel=0.1)  # halves of 100: 22.8
    assert abs(found.value) < 1.5
    values[200:, :8] += 1.0
    assert debiased(
        lambda one, other: frechet(values[one], values[other]), sides, turns=2
    ).value == pytest.approx(8, abs=2)


@pytest.mark.parametrize(("rows", "width"), [(50, 8), (20, 70)])
def test_leading_coordinates_keep_distances_where_all_are_kept(rows: int, width: int) -> None:
    values = np.random.default_rng(2).normal(size=(rows, width)) * np.linspace(3, 1, width)
    found, share = leading_coordinates(values, 200)
    assert share == pytest.approx(1.0)
    assert found @ found.T == pytest.approx((values - values.mean(axis=0)) @ (values - values.mean(axis=0)).T)
    few, part = leading_coordinates(values, 3)
    assert few.shape == (rows, 3)
    assert part == pytest.approx(few.var(axis=0).sum() / values.var(axis=0).sum())
    assert np.all(np.diff(few.var(axis=0)) <= 0)


def test_constant_features_have_no_direction() -> None:
    found, share = leading_coordinates(np.ones((5, 3)))
    assert share == 1.0
    assert not found.any()
