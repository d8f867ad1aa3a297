"""H-score with shrinkage: how much of the features' variance lies between the classes.

``H = tr(cov_a(F)^-1 (1 - a) cov(E[F|y]))`` with ``cov_a = (1 - a) cov + a tr(cov) / D I`` and ``a`` after
Ledoit and Wolf (Ibrahim 2021, arXiv:2110.06893; the score itself is Bao 2019). It is the trace of a matrix
product: code that multiplies element by element gives a figure that an invertible map of the features
changes at will. On noise H is about (C - 1) D / (N - 1), so figures of models with other widths cannot be
compared without subtracting that.

Shapes: N rows, D columns, C classes, R directions.
"""

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray

from crosstune.probing.leave_one_out import cholesky

RANK = 1e-10
"""Directions below this share of the largest variance are rounding, and carry no class."""


def h_score(
    features: NDArray[np.floating], classes: NDArray[np.integer], *, shrinkage: float | None = None
) -> float:
    """Measure the H-score of features for classes.

    Args:
        features: ``(N, D)``.
        classes: ``(N,)`` class indices; classes without a row count nothing.
        shrinkage: a in [0, 1]; ``None``: after Ledoit and Wolf.

    Returns:
        Between 0 and C - 1; 0 for one class, or features that are constant.

    Cost: one eigendecomposition, O(N D^2 + D^3).
    Checked by: ``tests/probing/test_h_score.py``: the same after an invertible map of the features where
    nothing is shrunk, its floor on noise, and scikit-learn's shrinkage.
    """
    values = np.asarray(features, np.float64)
    basis, scale, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    used = scale > np.sqrt(RANK) * max(float(scale.max(initial=0.0)), np.finfo(np.float64).tiny)
    coordinates = basis[:, used] * scale[used]
    return score_of_classes(coordinates, np.diag(scale[used] ** 2), values.shape[1], classes, shrinkage)[0]


def score_of_classes(
    coordinates: NDArray[np.float64],
    gram: NDArray[np.float64],
    width: int,
    classes: NDArray[np.integer],
    shrinkage: float | None = None,
) -> tuple[float, float]:
    """Give the H-score and its shrinkage, for features in rotated coordinates.

    Args:
        coordinates: centred features, rotated, ``(N, R)``.
        gram: ``coordinates.T @ coordinates``, ``(R, R)``.
        width: D >= R: directions that are left out have no variance.
        classes: ``(N,)``.
        shrinkage: ``None``: after Ledoit and Wolf.

    Cost: R^3 / 3 + C R^2 multiplications.
    """
    if not gram.any():
        return 0.0, 0.0
    rows = len(coordinates)
    if shrinkage is None:
        shrinkage = ledoit_wolf(coordinates, gram, width)
    _, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    member = scipy.sparse.csr_matrix((np.ones(rows), (index, np.arange(rows))))
    means = (member @ coordinates) / np.sqrt(counts * rows)[:, None]
    ridge = shrinkage * float(np.trace(gram)) / rows / max(1, width)
    factor = cholesky((1 - shrinkage) * gram / rows, ridge)
    half = scipy.linalg.solve_triangular(factor, means.T, lower=True, check_finite=False)
    return (1 - shrinkage) * float((half**2).sum()), shrinkage


def ledoit_wolf(coordinates: NDArray[np.float64], gram: NDArray[np.float64], width: int) -> float:
    """Choose the shrinkage of a covariance, in [0, 1].

    Arguments as for :func:`score_of_classes`. The estimate of Ledoit and Wolf (2004), in terms that no
    rotation of the features changes; 0 for constant features, which nothing can be shrunk to.
    """
    rows = max(1, len(coordinates))
    squares = float((gram**2).sum()) / rows**2
    mean = float(np.trace(gram)) / rows / max(1, width)
    fourth = float(((coordinates**2).sum(axis=1) ** 2).sum()) / rows
    spread = (squares - width * mean**2) / max(1, width)
    noise = min((fourth - squares) / (rows * max(1, width)), spread)
    return max(0.0, noise / spread) if spread > 0 else 0.0
