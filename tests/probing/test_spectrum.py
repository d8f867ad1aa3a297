"""Principal directions of features, tall and wide, against a singular value decomposition."""

import numpy as np
import pytest

from crosstune.probing.matrix import Matrix
from crosstune.probing.spectrum import measure_spectrum
from crosstune.probing.system import measure_system


@pytest.mark.parametrize(("rows", "width", "rank"), [(30, 6, 6), (9, 25, 8), (10, 10, 9)])
def test_it_is_the_singular_value_decomposition(rows: int, width: int, rank: int) -> None:
    values = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    system = measure_system(Matrix(((values,),)))
    spectrum = measure_spectrum(system)
    assert spectrum.basis.shape == (rows, rank)
    scale = np.linalg.svd(system.values, compute_uv=False)[:rank]
    np.testing.assert_allclose(np.sqrt(spectrum.energies), scale[::-1], rtol=1e-8)
    np.testing.assert_allclose(spectrum.basis.T @ spectrum.basis, np.eye(rank), atol=1e-8)
    inner = spectrum.coordinates @ spectrum.coordinates.T
    np.testing.assert_allclose(inner, system.values @ system.values.T, atol=1e-8)


def test_columns_that_repeat_add_no_direction() -> None:
    values = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    twice = measure_system(Matrix(((np.concatenate([values, values], axis=1),),)))
    assert measure_spectrum(twice).basis.shape == (30, 3)
    assert measure_spectrum(twice).width == 6
