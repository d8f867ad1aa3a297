"""The two coordinate systems of a logistic fit lead to the same outputs on raw features."""

import numpy as np
import pytest

from crosstune.probing.coordinates import choose_coordinates
from crosstune.probing.matrix import Matrix


@pytest.mark.parametrize(("rows", "width"), [(30, 6), (6, 30), (6, 6)])
def test_a_head_means_the_same_in_both(rows: int, width: int) -> None:
    draw = np.random.default_rng(0)
    values, targets = draw.normal(2, 3, size=(rows, width)).astype(np.float32), draw.normal(size=(rows, 2))
    where = choose_coordinates(Matrix(((values,),)), targets)
    inner = np.concatenate([part for _, part in where.features.chunks()]).astype(np.float64)
    np.testing.assert_allclose(inner.T @ inner, where.gram, atol=1e-3)
    np.testing.assert_allclose(inner.T @ (targets - targets.mean(0)), where.cross, atol=1e-3)
    head = draw.normal(size=(inner.shape[1], 2)), np.array([0.5, -1.0])
    weight, bias = where.to_raw(head)
    np.testing.assert_allclose(values @ weight.T + bias, inner @ head[0] + head[1], atol=1e-4)
    again = where.from_raw((weight, bias))
    np.testing.assert_allclose(again[0], head[0], atol=1e-6)
    np.testing.assert_allclose(again[1], head[1], atol=1e-9)


def test_no_more_coordinates_than_independent_rows() -> None:
    values = np.tile(np.random.default_rng(0).normal(size=(3, 20)), (3, 1)).astype(np.float32)
    where = choose_coordinates(Matrix(((values,),)), np.zeros((9, 1)))
    assert where.gram.shape == (2, 2)
