"""Metrics as functions of sums over examples, so that a bootstrap is one matrix product.

Shapes: N examples, m columns, R resamples. ``parts`` gives ``(N, m)``; ``from_sums`` maps the sums of its
columns over each resample, ``(R, m)``, to the figures, ``(R,)``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def with_count(*columns: NDArray[Any]) -> Floats:
    """Set columns ``(N,)`` or ``(N, k)`` side by side, behind ones, whose sum counts the examples."""
    wide = [np.asarray(one, np.float64).reshape(len(one), -1) for one in columns]
    return np.concatenate([np.ones((len(wide[0]), 1)), *wide], axis=1)


def mean(sums: Floats) -> Floats:
    """Give the mean of the one column behind the count."""
    return np.asarray(sums[:, 1] / sums[:, 0])


def root_mean(sums: Floats) -> Floats:
    """Give the root of that mean."""
    return np.sqrt(mean(sums))


def ratio(sums: Floats) -> Floats:
    """Give the first column over the second, 0 where the second is zero."""
    return np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] != 0)


def one_hot(numbers: NDArray[np.int64], classes: int, values: NDArray[Any] | float = 1.0) -> Floats:
    """Give ``(N, classes)`` with ``values`` in the column of each number."""
    found = np.zeros((len(numbers), classes))
    found[np.arange(len(numbers)), numbers] = values
    return found
