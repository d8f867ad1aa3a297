"""Ridge through inner products: the same head and the same leave-one-out as plain ridge."""

import numpy as np
import pytest
import scipy.sparse

from crosstune.probing.kernel import PENALTIES, kernel_ridge


def test_equals_ridge_with_a_free_intercept_refitted_without_each_row() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(15, 40)) * (draw.uniform(size=(15, 40)) < 0.3)
    targets = draw.normal(size=(15, 2)) + 3
    fit = kernel_ridge(scipy.sparse.csr_matrix(features), targets)

    def plain(rows: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        mean, target_mean = features[rows].mean(0), targets[rows].mean(0)
        centred = features[rows] - mean
        system = centred.T @ centred + penalty * np.eye(40)
        weight = np.linalg.solve(system, centred.T @ (targets[rows] - target_mean))
        return weight, target_mean - mean @ weight

    errors = {}
    for penalty in PENALTIES:
        left_out = np.empty_like(targets)
        for row in range(15):
            weight, bias = plain(np.delete(np.arange(15), row), penalty)
            left_out[row] = features[row] @ weight + bias
        errors[penalty] = ((left_out - targets) ** 2).mean()
        if penalty == fit.penalty:
            np.testing.assert_allclose(fit.left_out, left_out, rtol=1e-8)
    assert fit.penalty == min(errors, key=lambda one: errors[one])
    weight, bias = plain(np.arange(15), fit.penalty)
    others = draw.normal(size=(7, 40))
    np.testing.assert_allclose(fit(scipy.sparse.csr_matrix(others)), others @ weight + bias, rtol=1e-8)
    assert fit(scipy.sparse.csr_matrix((0, 40))).shape == (0, 2)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_empty_rows_predict_the_mean(rows: int) -> None:
    targets = np.arange(float(rows))[:, None]
    fit = kernel_ridge(scipy.sparse.csr_matrix((rows, 9)), targets)
    np.testing.assert_allclose(fit(scipy.sparse.csr_matrix((3, 9))), targets.mean())
    assert np.isfinite(fit.left_out).all()
