"""Probabilities at the ends of the range, and outputs that are refused."""

import numpy as np
import pytest

from crosstune.tasks.errors import NonFiniteOutputs
from crosstune.tasks.numerics import checked, log_sigmoid, log_softmax, sigmoid, softmax


def test_nothing_overflows() -> None:
    extreme = np.array([[1e4, -1e4], [0.0, 0.0]])
    assert softmax(extreme).tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert log_softmax(extreme)[0].tolist() == [0.0, -2e4]
    assert sigmoid(extreme).tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert log_sigmoid(extreme)[0].tolist() == [0.0, -1e4]


def test_outputs_that_are_no_numbers_are_counted() -> None:
    outputs = np.array([[0.0, np.nan], [np.inf, 0.0], [0.0, 1.0]])
    with pytest.raises(NonFiniteOutputs, match="for 2 of 3 examples"):
        checked(outputs, 2)


def test_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N, 3\), got \(4, 2\)"):
        checked(np.zeros((4, 2)), 3)
