"""The dataset distance: zero for a set and itself, blind to names of labels, not to what they mean."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.probing.otdd import otdd

CENTRES = np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0, 6.0, 0.0]])


def labelled(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    draw = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    return CENTRES[labels] + draw.normal(size=(rows, 3)), labels


def test_a_set_and_itself_are_not_apart() -> None:
    rows, labels = labelled(80, 0)
    assert otdd(rows, labels, rows, labels) == pytest.approx(0.0, abs=1e-3)
    assert otdd(rows, labels, rows, (labels + 1) % 3) == pytest.approx(
        0.0, abs=1e-3
    )  # other names, same things


def test_labels_that_mean_something_else_are_a_distance_of_their_own() -> None:
    (one, labels), (other, more) = labelled(90, 1), labelled(90, 2)
    near = otdd(one, labels, other, more)
    mixed = otdd(one, labels, other, np.random.default_rng(3).permutation(more))
    shifted = otdd(one, labels, other + 3.0, more)
    assert 0.0 < near < 1.5
    assert mixed > near + 5
    assert shifted == pytest.approx(2 * 27, rel=0.15)  # rows and labels move by 3 in each of 3 directions


def test_labels_of_few_rows_and_equal_rows_are_no_trouble() -> None:
    rows, labels = labelled(30, 4)
    labels[0] = 7
    assert np.isfinite(otdd(rows, labels, rows + 1, labels))
    assert otdd(np.ones((6, 2)), np.zeros(6, int), np.ones((5, 2)), np.zeros(5, int)) == 0.0
