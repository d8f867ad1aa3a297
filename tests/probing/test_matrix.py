"""Standardised columns in chunks: exact scales, several parts and blocks, folding a head back."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.probing.matrix import FLOOR, Matrix, Standardised, measure_scale


def split(values: NDArray[np.float32], blocks: int, parts: int) -> Matrix:
    return Matrix(
        tuple(tuple(np.array_split(rows, blocks, axis=1)) for rows in np.array_split(values, parts))
    )


@pytest.mark.parametrize("exact", [10**9, 0])
def test_the_scale_is_right_far_from_zero(exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosstune.probing.matrix.EXACT_VALUES", exact)
    monkeypatch.setattr("crosstune.probing.matrix.FLOOR", 0.0)
    values = (np.random.default_rng(1).normal(size=(500, 6)) * 0.01 + 300).astype(np.float32)
    scale = measure_scale(split(values, blocks=2, parts=3))
    np.testing.assert_allclose(scale.mean, values.mean(0, dtype=np.float64), rtol=1e-7)
    np.testing.assert_allclose(1 / scale.inverse, values.std(0, dtype=np.float64), rtol=1e-4)


def test_columns_that_hardly_vary_are_not_scaled_up_to_the_others_of_their_block() -> None:
    draw = np.random.default_rng(1)
    deviations = np.array([1.0, 3.0, 1e-4, 0.01, 0.02, 1e-5])
    values = (draw.normal(size=(2000, 6)) * deviations).astype(np.float32)
    scale = 1 / measure_scale(split(values, blocks=2, parts=1)).inverse
    usual = np.sqrt(np.repeat([(deviations[:3] ** 2).mean(), (deviations[3:] ** 2).mean()], 3))
    np.testing.assert_allclose(scale, np.hypot(deviations, FLOOR * usual), rtol=0.1)
    assert scale[2] > 0.1 > 2e-3 > scale[5]


def test_chunks_cover_all_rows_in_order_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosstune.probing.matrix.CHUNK_BYTES", 4 * 5 * 7)
    values = np.random.default_rng(1).normal(3, 2, size=(40, 5)).astype(np.float32)
    matrix = split(values, blocks=2, parts=3)
    features = Standardised(matrix, measure_scale(matrix))
    expected = features.scale.apply(values.astype(np.float64))
    for keep in (False, True, False):
        seen = np.full_like(values, np.nan)
        for rows, part in features.chunks(keep=keep):
            seen[rows] = part
        np.testing.assert_allclose(seen, expected, atol=1e-5)
    assert (values == np.concatenate([part for _, part in matrix.chunks()])).all()


def test_take_reads_rows_across_parts() -> None:
    values = np.arange(60, dtype=np.float32).reshape(20, 3)
    rows = np.array([0, 6, 7, 13, 19])
    assert (split(values, blocks=3, parts=3).take(rows) == values[rows]).all()


def test_folding_a_head_and_back_changes_nothing() -> None:
    values = np.random.default_rng(1).normal(3, 2, size=(40, 5)).astype(np.float32)
    values[:, 3] = 8
    scale = measure_scale(split(values, blocks=1, parts=1))
    weight, bias = np.random.default_rng(2).normal(size=(5, 2)), np.array([1.0, -1.0])
    weight[3] = 0
    raw, shift = scale.fold(weight, bias)
    standard = scale.apply(values.astype(np.float64))
    np.testing.assert_allclose(values @ raw.T + shift, standard @ weight + bias, atol=1e-9)
    np.testing.assert_allclose(scale.unfold(raw), weight, atol=1e-12)


def test_infinite_values_name_their_block() -> None:
    values = np.ones((9, 4), np.float32)
    values[5, 3] = np.inf
    with pytest.raises(ValueError, match=r"not finite in last$"):
        measure_scale(split(values, blocks=2, parts=1), names=("first", "last"))
