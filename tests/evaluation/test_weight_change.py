"""Weights that did not move have not changed; the length is that of all arrays together."""

import numpy as np
import pytest

from crosstune.evaluation.weight_change import relative_change


def test_all_arrays_count_as_one_vector() -> None:
    before, after = [np.array([3.0, 0.0]), np.array([[4.0]])], [np.array([3.0, 3.0]), np.array([[0.0]])]
    assert relative_change(zip(before, after, strict=True)) == pytest.approx(5.0 / 5.0)


def test_what_did_not_move_has_not_changed() -> None:
    same = np.array([1.0, -2.0], np.float32)
    assert relative_change([(same, same.copy())]) == 0.0
    assert relative_change([]) == 0.0
    assert relative_change([(np.zeros(2), np.zeros(2))]) == 0.0
    assert relative_change([(np.zeros(2), np.ones(2))]) == float("inf")


def test_other_shapes_are_no_change_of_the_same_weights() -> None:
    with pytest.raises(ValueError, match="shape"):
        relative_change([(np.ones(2), np.ones(3))])
