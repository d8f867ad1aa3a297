"""Optimal-transport dataset distance: carries rows together with what their labels mean.

Alvarez-Melis and Fusi, NeurIPS 2020. A label means where its rows lie: a normal distribution. Carrying row
x of label y onto x' of y' costs ``|x - x'|^2 + W_2^2(N(m_y, S_y), N(m_y', S_y'))``, so labels need not have
the same names, nor be as many. Covariances are diagonal here, on coordinates that are hardly correlated
(``frechet.py``): linear instead of cubic in the width. Shapes: M and N rows, D columns, K and L labels.
"""

import numpy as np
from numpy.typing import NDArray

from crosstune.probing.transport import transport_cost

BLUR = 0.1
"""Of the median cost: epsilon. PRIOR: 0.1 is the default of the authors' code."""

FEWEST = 5
"""Rows below which a label takes the deviation of all labels of its set. ASSUMED."""


def otdd(
    first: NDArray[np.floating],
    first_labels: NDArray[np.integer],
    second: NDArray[np.floating],
    second_labels: NDArray[np.integer],
) -> float:
    """Measure the distance, debiased, in squared units of the features.

    Args:
        first: ``(M, D)``.
        first_labels: ``(M,)``, from 0.
        second: ``(N, D)``.
        second_labels: ``(N,)``, from 0; of other labels or the same.

    Zero where the sets are equal. Two samples of one distribution are still a little apart: see
    ``halves.py``.

    Cost: three transports of M x N, 0.3 s each at 1,000 rows; use at most 2,000.
    Checked by: ``tests/probing/test_otdd.py``.
    """
    one = first.astype(np.float64), first_labels, *_meanings(first, first_labels)
    other = second.astype(np.float64), second_labels, *_meanings(second, second_labels)
    across = _costs(one, other)
    epsilon = BLUR * float(np.median(across))
    if epsilon <= 0:
        return 0.0
    own = sum(transport_cost(_costs(side, side), epsilon) for side in (one, other))
    return transport_cost(across, epsilon) - 0.5 * own


_Side = tuple[NDArray[np.float64], NDArray[np.integer], NDArray[np.float64], NDArray[np.float64]]


def _meanings(
    rows: NDArray[np.floating], labels: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give mean and deviation of every label, ``(K, D)`` each; a label without rows is never asked for."""
    count = int(labels.max()) + 1
    values, sizes = rows.astype(np.float64), np.bincount(labels, minlength=count)
    means, squares = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
    np.add.at(means, labels, values)
    means /= np.maximum(sizes, 1)[:, None]
    np.add.at(squares, labels, (values - means[labels]) ** 2)
    usual = squares.sum(axis=0) / max(1, len(values) - int((sizes > 0).sum()))
    own = squares / np.maximum(sizes - 1, 1)[:, None]
    return means, np.sqrt(np.where((sizes >= FEWEST)[:, None], own, usual))


def _costs(one: _Side, other: _Side) -> NDArray[np.float64]:
    labels = _squared(one[2], other[2]) + _squared(one[3], other[3])
    return _squared(one[0], other[0]) + labels[one[1][:, None], other[1]]


def _squared(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give squared distances, ``(M, N)``."""
    found = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.asarray(np.maximum(found, 0.0))
