"""The hat matrix in both forms, against its definition, and features large enough for float32."""

import numpy as np
import pytest

from crosstune.probing.matrix import Matrix
from crosstune.probing.system import System, measure_system


def system_of(rows: int, width: int, seed: int = 0) -> System:
    draw = np.random.default_rng(seed)
    values = (draw.normal(size=(rows, width)) * draw.uniform(0.1, 9, width) + 5).astype(np.float32)
    return measure_system(Matrix((tuple(np.array_split(values, 2, axis=1)),)))


@pytest.mark.parametrize(("rows", "width"), [(30, 5), (8, 25), (10, 10)])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 1e5])
def test_the_hat_is_its_definition_up_to_a_factor(rows: int, width: int, penalty: float) -> None:
    system = system_of(rows, width)
    x = system.values
    inner = np.linalg.inv(x.T @ x + penalty * np.eye(width))
    left = np.eye(rows) - 1 / rows - x @ inner @ x.T
    left *= 1 if system.tall else 1 / penalty
    tolerance = {"rtol": 1e-6, "atol": 1e-7 * np.abs(left).max()}
    hat = system.hat(penalty)
    np.testing.assert_allclose(hat.diagonal(), np.diagonal(left), **tolerance)
    some = np.array([1, 4, 5])
    np.testing.assert_allclose(hat.between(some), left[np.ix_(some, some)], **tolerance)
    targets = np.random.default_rng(1).normal(size=(rows, 2))
    targets -= targets.mean(axis=0)
    np.testing.assert_allclose(
        hat.residuals(targets), left @ targets, rtol=1e-5, atol=1e-6 * np.abs(left).max()
    )


def test_columns_sum_to_zero_and_constant_ones_do_not_count() -> None:
    values = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    values[:, 2] = 3.0
    system = measure_system(Matrix(((values,),)))
    assert system.width == 3
    assert not system.values[:, 2].any()
    np.testing.assert_allclose(system.values.sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize(("rows", "width"), [(40, 6), (12, 60)])
def test_large_features_are_multiplied_in_float32_and_come_out_close(
    rows: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = system_of(rows, width)
    monkeypatch.setattr("crosstune.probing.system.EXACT_WORK", 0)
    quick = system_of(rows, width)
    assert (exact.values.dtype, quick.values.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(quick.gram, exact.gram, atol=1e-5 * np.abs(exact.gram).max())
    np.testing.assert_allclose(quick.hat(1.0).diagonal(), exact.hat(1.0).diagonal(), rtol=1e-4)


def test_a_value_that_is_no_number_is_refused_by_block() -> None:
    values = np.zeros((3, 2), np.float32)
    values[1, 1] = np.nan
    with pytest.raises(ValueError, match=r"not finite in layer\.4"):
        measure_system(Matrix(((values,),)), ("layer.4",))
