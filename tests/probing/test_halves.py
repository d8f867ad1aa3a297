"""Halves: what is subtracted is what equal sets give, on as many rows."""

import numpy as np

from crosstune.probing.halves import debiased
from crosstune.probing.sides import Sides


def test_between_less_within_on_halves_of_one_size() -> None:
    values, sizes = np.repeat([0.0, 10.0], [30, 20]), set()

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        sizes.add((len(one), len(other)))
        return abs(float(values[one].mean() - values[other].mean())) + 100 / len(one)

    found = debiased(distance, Sides.of(30, 20))
    assert sizes == {(10, 10)}
    assert (found.between, found.within, found.value) == (20.0, 10.0, 10.0)
