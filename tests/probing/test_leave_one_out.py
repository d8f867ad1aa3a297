"""The pieces of leave-one-out: a factor for any Gram, and rows that decide their own prediction.

The predictions themselves are held against N refits in ``test_ridge.py``.
"""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.probing.leave_one_out import Factors, Primal, Spectrum, cheaper, cholesky, solve
from crosstune.probing.matrix import Matrix, Standardised, measure_scale
from crosstune.probing.moments import Moments, measure_moments

BOTH = pytest.mark.parametrize("kind", [Factors, Spectrum])
PENALTIES = {Factors: 1, Spectrum: 10}
"""So many choose it in these tests."""
LIMITS = pytest.mark.parametrize("limit", [1e18, 0.0])


def summed(values: NDArray[np.float32], targets: NDArray[np.float64]) -> tuple[Matrix, Moments]:
    matrix = Matrix(((values,),))
    return matrix, measure_moments(Standardised(matrix, measure_scale(matrix)), targets)


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


@BOTH
@LIMITS
def test_a_row_alone_in_its_column_stays_finite(
    kind: type[Factors | Spectrum], limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crosstune.probing.leave_one_out.EXACT_WORK", limit)
    values = np.zeros((400, 2), np.float32)
    values[7, 0] = 1
    values[:, 1] = np.arange(400)
    targets = np.arange(400.0)[:, None] / 400
    matrix, moments = summed(values, targets)
    path = Primal(moments, matrix, targets, np.arange(400), penalties=PENALTIES[kind])
    assert type(path.system) is kind
    candidate = path(1e-3)
    assert np.isfinite(candidate.left_out).all()
    others = np.delete(np.arange(400), 7)
    np.testing.assert_allclose(candidate.left_out[others], targets[others], atol=1e-3)


@LIMITS
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 1e5])
def test_a_factor_for_each_penalty_and_one_decomposition_agree(
    limit: float, penalty: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crosstune.probing.leave_one_out.EXACT_WORK", limit)
    draw = np.random.default_rng(0)
    values = (draw.normal(size=(300, 40)) @ draw.normal(size=(40, 40))).astype(np.float32)
    values[:, 3] = 2.0
    targets = values[:, :2] + draw.normal(size=(300, 2))
    matrix, moments = summed(values, targets)
    rows = np.arange(0, 300, 2)
    paths = [Primal(moments, matrix, targets, rows, penalties=PENALTIES[kind]) for kind in PENALTIES]
    assert [type(path.system) for path in paths] == list(PENALTIES)
    factor, spectrum = (path(penalty) for path in paths)
    close = 1e-9 if limit else 1e-3
    np.testing.assert_allclose(spectrum.left_out, factor.left_out, rtol=close, atol=close)
    np.testing.assert_allclose(spectrum.weight, factor.weight, rtol=1e-7, atol=1e-9)


def test_a_gram_with_slightly_negative_eigenvalues_is_decomposed_as_if_they_were_zero() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(60, 4)).astype(np.float32)
    targets = draw.normal(size=(60, 1))
    matrix, moments = summed(np.hstack([values, values]), targets)
    noisy = replace(moments, gram=moments.gram - 1e-3 * np.eye(8))
    path = Primal(noisy, matrix, targets, np.arange(60), penalties=10)
    assert isinstance(path.system, Spectrum)
    candidate = path(1.0)
    exact = Primal(moments, matrix, targets, np.arange(60))(1.0)
    np.testing.assert_allclose(candidate.left_out, exact.left_out, atol=1e-4)


@pytest.mark.parametrize(
    ("width", "penalties", "kind"),
    [(4, 1, Factors), (4, 10, Spectrum), (1280, 10, Spectrum), (3120, 6, Factors)],
)
def test_many_penalties_repay_a_decomposition(width: int, penalties: int, kind: type) -> None:
    assert cheaper(width, 2_000, penalties) is kind
