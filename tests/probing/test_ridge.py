"""Ridge heads: leave-one-out against N refits, the intercept, and the edges (N < D, constants, ties)."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.probing.matrix import Matrix, measure_scale
from crosstune.probing.ridge import PENALTIES, ridge_loo, ridge_solve, scored_rows


def problem(
    rows: int, width: int, outputs: int, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    draw = np.random.default_rng(seed)
    features = (draw.normal(size=(rows, width)) * draw.uniform(0.1, 9, width) + 5).astype(np.float32)
    targets = features[:, :1] * draw.normal(size=outputs) + draw.normal(size=(rows, outputs))
    return features, targets


def as_matrix(features: NDArray[np.float32], blocks: int = 1, parts: int = 1) -> Matrix:
    return Matrix(
        tuple(tuple(np.array_split(rows, blocks, axis=1)) for rows in np.array_split(features, parts))
    )


def refit_without(
    features: NDArray[np.float32], targets: NDArray[np.float64], penalty: float
) -> NDArray[np.float64]:
    """Predict each row from all others, by N ridge fits with a free intercept and the scale of all rows."""
    x = measure_scale(as_matrix(features)).apply(features.astype(np.float64))
    predicted = np.empty_like(targets)
    for row in range(len(x)):
        rest = np.delete(np.arange(len(x)), row)
        mean, target_mean = x[rest].mean(0), targets[rest].mean(0)
        centred = x[rest] - mean
        system = centred.T @ centred + penalty * np.eye(x.shape[1])
        weight = np.linalg.solve(system, centred.T @ (targets[rest] - target_mean))
        predicted[row] = (x[row] - mean) @ weight + target_mean
    return predicted


@pytest.mark.parametrize(("rows", "width"), [(40, 7), (12, 30), (20, 20), (9, 1)])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 1e4])
def test_leave_one_out_equals_as_many_refits(rows: int, width: int, penalty: float) -> None:
    features, targets = problem(rows, width, outputs=3)
    fit = ridge_loo(as_matrix(features), targets, penalties=np.array([penalty]))
    expected = refit_without(features, targets, penalty)
    np.testing.assert_allclose(fit.left_out, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("rows", "width"), [(50, 8), (8, 50)])
def test_the_head_solves_the_normal_equations_on_raw_features(rows: int, width: int) -> None:
    features, targets = problem(rows, width, outputs=2)
    matrix = as_matrix(features, blocks=3, parts=2)
    weight, bias = ridge_solve(matrix, targets, penalty=3.0)
    scale = 1 / measure_scale(matrix).inverse
    residual = targets - (features @ weight.T + bias)
    centred = features - features.mean(0, dtype=np.float64)
    gradient = (centred / scale).T @ residual - 3.0 * (weight * scale).T
    np.testing.assert_allclose(gradient, 0, atol=1e-6 * rows * width)
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-6 * rows)


def test_the_best_penalty_is_the_best_by_leave_one_out_and_ties_go_to_the_larger() -> None:
    features, targets = problem(60, 10, outputs=1)
    fit = ridge_loo(as_matrix(features), targets)
    errors = [np.mean((refit_without(features, targets, one) - targets) ** 2) for one in PENALTIES]
    assert fit.penalty == PENALTIES[int(np.argmin(errors))]
    np.testing.assert_allclose([-one for one in fit.scores.values()], errors, rtol=1e-5)

    tied = ridge_loo(as_matrix(features), targets, score=lambda _outputs, _rows: 1.0)
    assert tied.penalty == PENALTIES[-1]


@pytest.mark.parametrize("rows", [2, 30])
def test_constant_features_predict_the_mean(rows: int) -> None:
    targets = np.random.default_rng(0).normal(size=(rows, 2))
    fit = ridge_loo(as_matrix(np.full((rows, 4), 7.0, np.float32)), targets)
    assert not fit.weight.any()
    np.testing.assert_allclose(fit.bias, targets.mean(0))
    others = (targets.sum(0) - targets) / (rows - 1)
    np.testing.assert_allclose(fit.left_out, others, rtol=1e-6, atol=1e-9)


def test_one_row_alone_has_a_defined_head() -> None:
    fit = ridge_loo(as_matrix(np.ones((1, 3), np.float32)), np.array([[2.0]]))
    assert fit.penalty == PENALTIES[-1]
    np.testing.assert_allclose(fit.bias, 2.0)
    assert np.isfinite(fit.left_out).all()


def test_one_constant_column_among_others_gets_no_weight() -> None:
    features, targets = problem(40, 5, outputs=2)
    features[:, 2] = 1e-3
    fit = ridge_loo(as_matrix(features), targets)
    assert not fit.weight[:, 2].any()
    assert np.abs(fit.weight[:, [0, 1, 3, 4]]).min() > 0


def test_large_problems_leave_out_a_sample_and_float32_is_close(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = problem(3000, 20, outputs=2)
    exact = ridge_loo(as_matrix(features), targets, penalties=np.array([10.0]))
    for module, limit in (
        ("moments", "EXACT_WORK"),
        ("leave_one_out", "EXACT_WORK"),
        ("matrix", "EXACT_VALUES"),
    ):
        monkeypatch.setattr(f"crosstune.probing.{module}.{limit}", 0)
    monkeypatch.setattr("crosstune.probing.ridge.SCORED_WORK", 1)
    monkeypatch.setattr("crosstune.probing.matrix.CHUNK_BYTES", 4 * 20 * 700)
    monkeypatch.setattr("crosstune.probing.ridge.WIDE", 1)
    sample = ridge_loo(as_matrix(features, parts=2), targets, penalties=np.array([10.0]))
    assert len(sample.rows) == 2000
    np.testing.assert_allclose(sample.left_out, exact.left_out[sample.rows], atol=2e-4)
    np.testing.assert_allclose(sample.weight, exact.weight, atol=1e-5)


def test_a_wide_problem_searches_coarse_then_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = problem(60, 10, outputs=1)
    full = ridge_loo(as_matrix(features), targets)
    monkeypatch.setattr("crosstune.probing.ridge.WIDE", 5)
    quick = ridge_loo(as_matrix(features), targets)
    assert quick.penalty == full.penalty
    assert len(quick.scores) < len(full.scores)


def test_the_sample_of_rows_depends_on_the_seed_alone() -> None:
    first, again, other = (scored_rows(9000, 5000, 10, seed) for seed in (0, 0, 1))
    assert len(first) == 2000
    assert (first == again).all()
    assert (first != other).any()
    assert len(scored_rows(500, 5000, 1000, 0)) == 500
    assert len(scored_rows(9000, 10, 10, 0)) == 9000
    assert len(scored_rows(9000, 10, 10, 0, most_rows=300)) == 300


def test_a_wide_problem_answers_every_row_at_a_penalty_found_on_a_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features, targets = problem(300, 10, outputs=2)
    monkeypatch.setattr("crosstune.probing.ridge.WIDE", 5)
    monkeypatch.setattr("crosstune.probing.ridge.SEARCHED_ROWS", 50)
    fit = ridge_loo(as_matrix(features), targets)
    assert len(fit.rows) == 300
    exact = ridge_loo(as_matrix(features), targets, penalties=np.array([fit.penalty]))
    np.testing.assert_allclose(fit.left_out, exact.left_out, rtol=1e-9)
    np.testing.assert_allclose(fit.weight, exact.weight, rtol=1e-9)
