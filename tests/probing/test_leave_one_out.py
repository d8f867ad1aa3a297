"""The pieces of leave-one-out: a factor for any Gram, and rows that decide their own prediction.

The predictions themselves are held against N refits in ``test_ridge.py``.
"""

import numpy as np
import pytest

from crosstune.probing.leave_one_out import Primal, cholesky, solve
from crosstune.probing.matrix import Matrix, Standardised, measure_scale
from crosstune.probing.moments import measure_moments


def test_a_sound_gram_is_factorised_as_it_is() -> None:
    gram = np.array([[4.0, 1.0], [1.0, 3.0]])
    factor = cholesky(gram, 1.0)
    np.testing.assert_allclose(factor @ factor.T, gram + np.eye(2), rtol=1e-14)
    right = np.array([[1.0], [2.0]])
    np.testing.assert_allclose((gram + np.eye(2)) @ solve(factor, right), right, rtol=1e-12)


def test_a_gram_with_slightly_negative_eigenvalues_gets_a_small_shift() -> None:
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 30)))[0]
    gram = basis @ np.diag([1e6] * 10 + [-1e-2] * 20) @ basis.T
    factor = cholesky((gram + gram.T) / 2, 1e-3)
    assert np.abs(factor @ factor.T - gram).max() < 10


@pytest.mark.parametrize("limit", [1e18, 0.0])
def test_a_row_alone_in_its_column_stays_finite(limit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosstune.probing.leave_one_out.EXACT_WORK", limit)
    values = np.zeros((400, 2), np.float32)
    values[7, 0] = 1
    values[:, 1] = np.arange(400)
    matrix = Matrix(((values,),))
    targets = np.arange(400.0)[:, None] / 400
    moments = measure_moments(Standardised(matrix, measure_scale(matrix)), targets)
    candidate = Primal(moments, matrix, targets, np.arange(400))(1e-3)
    assert np.isfinite(candidate.left_out).all()
    others = np.delete(np.arange(400), 7)
    np.testing.assert_allclose(candidate.left_out[others], targets[others], atol=1e-3)
