"""Predictions without a row or its group, against as many refits; the shared intercept."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.core.errors import BadValue
from crosstune.probing.leave_group_out import group_indices, left_out, share_intercept
from crosstune.probing.matrix import Matrix
from crosstune.probing.ridge import PENALTIES, ridge_loo
from crosstune.probing.system import System, measure_system


def problem(rows: int, width: int, seed: int = 0) -> tuple[System, NDArray[np.float64]]:
    draw = np.random.default_rng(seed)
    values = (draw.normal(size=(rows, width)) * draw.uniform(0.1, 9, width) + 5).astype(np.float32)
    targets = values[:, :1] * draw.normal(size=3) + draw.normal(size=(rows, 3))
    return measure_system(Matrix(((values,),))), targets


def refitted(
    system: System, targets: NDArray[np.float64], penalty: float, groups: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Predict each group from all others, by a ridge fit with a free intercept for each group."""
    predicted = np.empty_like(targets)
    for group in np.unique(groups):
        out, rest = groups == group, groups != group
        mean, target_mean = system.values[rest].mean(0), targets[rest].mean(0)
        centred = system.values[rest] - mean
        inner = centred.T @ centred + penalty * np.eye(centred.shape[1])
        weight = np.linalg.solve(inner, centred.T @ (targets[rest] - target_mean))
        predicted[out] = (system.values[out] - mean) @ weight + target_mean
    return predicted


SHAPES = [(40, 7), (14, 30), (20, 20), (9, 1), (2, 3)]


@pytest.mark.parametrize(("rows", "width"), SHAPES)
@pytest.mark.parametrize("penalty", PENALTIES[::3])
def test_leave_one_out_equals_as_many_refits(rows: int, width: int, penalty: float) -> None:
    system, targets = problem(rows, width)
    expected = refitted(system, targets, penalty, np.arange(rows))
    np.testing.assert_allclose(left_out(system, targets, penalty), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("rows", "width"), SHAPES)
@pytest.mark.parametrize("penalty", PENALTIES[::3])
def test_leave_group_out_equals_as_many_refits(rows: int, width: int, penalty: float) -> None:
    system, targets = problem(rows, width)
    sizes = np.array([0, 1, 1, 2, 2, 2, 3, 0, 4])
    groups = np.resize(sizes, rows)
    expected = refitted(system, targets, penalty, groups)
    found = left_out(system, targets, penalty, groups)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [60, 10])
def test_it_agrees_with_the_heads_that_are_shipped(rows: int) -> None:
    draw = np.random.default_rng(3)
    matrix = Matrix(((draw.normal(size=(rows, 12)).astype(np.float32),),))
    targets = draw.normal(size=(rows, 2))
    shipped = ridge_loo(matrix, targets, penalties=np.array([10.0]))
    np.testing.assert_allclose(left_out(measure_system(matrix), targets, 10.0), shipped.left_out, atol=1e-6)


def test_copies_answer_for_each_other_unless_they_are_one_group() -> None:
    draw = np.random.default_rng(0)
    values = np.repeat(draw.normal(size=(50, 40)), 2, axis=0).astype(np.float32)
    targets = np.repeat(draw.normal(size=(50, 1)), 2, axis=0)
    system, groups = measure_system(Matrix(((values,),))), np.repeat(np.arange(50), 2)
    inflated = left_out(system, targets, 0.1)[:, 0]
    honest = left_out(system, targets, 0.1, groups)[:, 0]
    assert np.corrcoef(inflated, targets[:, 0])[0, 1] > 0.7
    assert np.corrcoef(honest, targets[:, 0])[0, 1] < 0.1


def test_on_noise_a_shared_intercept_shows_no_correlation_where_own_ones_show_minus_one() -> None:
    draw = np.random.default_rng(0)
    values, targets = draw.normal(size=(400, 5)).astype(np.float32), draw.normal(size=(400, 1))
    system, groups = measure_system(Matrix(((values,),))), np.arange(400) // 2
    for own in (left_out(system, targets, 1e6), left_out(system, targets, 1e6, groups)):
        assert np.corrcoef(own[:, 0], targets[:, 0])[0, 1] < -0.6
    shared = share_intercept(left_out(system, targets, 1e6), targets)
    assert abs(np.corrcoef(shared[:, 0], targets[:, 0])[0, 1]) < 0.15
    np.testing.assert_allclose(shared, targets.mean(), atol=1e-3)
    grouped = share_intercept(left_out(system, targets, 1e6, groups), targets, groups)
    np.testing.assert_allclose(grouped, targets.mean(), atol=1e-3)


def test_groups_are_numbered_by_their_first_row() -> None:
    assert group_indices(["b", "a", "b", None], 4).tolist() == [0, 1, 0, 2]
    assert group_indices(None, 3).tolist() == [0, 1, 2]
    assert group_indices(["a"], 1).tolist() == [0]
    with pytest.raises(BadValue, match="one group holds all rows"):
        group_indices(["a", "a"], 2)
    with pytest.raises(ValueError, match="1 groups for 2 rows"):
        group_indices(["a"], 2)
