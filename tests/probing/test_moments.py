"""Moments: equal to the plain products, in chunks, in float32, and cut out for one block."""

import numpy as np
import pytest

from crosstune.probing.matrix import Matrix, Standardised, measure_scale
from crosstune.probing.moments import measure_moments


@pytest.mark.parametrize(("limit", "tolerance"), [(1e18, 1e-5), (0, 1e-3)])
def test_moments_are_the_plain_products(
    limit: float, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crosstune.probing.moments.EXACT_WORK", limit)
    monkeypatch.setattr("crosstune.probing.matrix.CHUNK_BYTES", 4 * 6 * 11)
    draw = np.random.default_rng(0)
    values, targets = draw.normal(5, 3, size=(90, 6)).astype(np.float32), draw.normal(size=(90, 2))
    matrix = Matrix(((values[:, :4], values[:, 4:]),))
    moments = measure_moments(Standardised(matrix, measure_scale(matrix)), targets)
    scaled = measure_scale(matrix).apply(values.astype(np.float64))
    np.testing.assert_allclose(moments.gram, scaled.T @ scaled, atol=tolerance)
    np.testing.assert_allclose(moments.cross, scaled.T @ (targets - targets.mean(0)), atol=tolerance)
    block = moments[4:6]
    np.testing.assert_array_equal(block.gram, moments.gram[4:, 4:])
    np.testing.assert_array_equal(block.scale.mean, moments.scale.mean[4:])
    assert (block.rows, block.cross.shape) == (90, (2, 2))


def test_joined_moments_are_those_of_all_rows_under_the_first_deviations() -> None:
    draw = np.random.default_rng(1)
    values, targets = draw.normal(5, 3, size=(90, 6)).astype(np.float32), draw.normal(1, 1, size=(90, 2))
    values[:, 3] = 2.0  # constant in the first rows
    first, more = Matrix(((values[:60],),)), Matrix(((values[60:],),))
    start = measure_moments(Standardised(first, measure_scale(first)), targets[:60])
    joined = start.joined(more, targets[60:])
    centred = (values - values.mean(0, dtype=np.float64)) * start.scale.inverse
    np.testing.assert_allclose(joined.gram, centred.T @ centred, atol=1e-4)
    np.testing.assert_allclose(joined.cross, centred.T @ (targets - targets.mean(0)), atol=1e-4)
    np.testing.assert_allclose(joined.target_mean, targets.mean(0))
    np.testing.assert_allclose(joined.scale.mean, values.mean(0), atol=1e-5)
    np.testing.assert_array_equal(joined.scale.inverse, start.scale.inverse)
    assert joined.rows == 90
