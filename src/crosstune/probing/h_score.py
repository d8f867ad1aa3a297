"""H-score with shrinkage: how much of the features' variance lies between the classes.

``H = tr(cov_a(F)^-1 (1 - a) cov(E[F|y]))`` with ``cov_a = (1 - a) cov + a tr(cov) / D I`` and ``a`` after
Ledoit and Wolf (Ibrahim 2021, arXiv:2110.06893; the score itself is Bao 2019). It is the trace of a matrix
product: code that multiplies element by element gives a figure that an invertible map of the features
changes at will. On noise H is about (C - 1) D / (N - 1), so figures of models with other widths cannot be
compared without subtracting that.

Shapes: N rows, D columns, C classes, R directions.
"""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

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
    centred = np.asarray(features, np.float64) - np.mean(features, axis=0, dtype=np.float64)
    basis, scale, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates, energies = basis * scale, scale**2
    if shrinkage is None:
        shrinkage = ledoit_wolf(coordinates, energies, centred.shape[1])
    return separation(coordinates, shrunk(energies, len(centred), centred.shape[1], shrinkage), classes) * (
        1 - shrinkage
    )


def ledoit_wolf(coordinates: NDArray[np.float64], energies: NDArray[np.float64], width: int) -> float:
    """Choose the shrinkage of a covariance, in [0, 1].

    Args:
        coordinates: centred features in their principal directions, ``(N, R)``.
        energies: squared lengths of their columns, ``(R,)``.
        width: D.

    The estimate of Ledoit and Wolf (2004), in terms that no rotation of the features changes; 0 for
    constant features, which nothing can be shrunk to.
    """
    rows = max(1, len(coordinates))
    squares = float((energies**2).sum()) / rows**2
    mean = float(energies.sum()) / rows / max(1, width)
    fourth = float(((coordinates**2).sum(axis=1) ** 2).sum()) / rows
    spread = (squares - width * mean**2) / max(1, width)
    noise = min((fourth - squares) / (rows * max(1, width)), spread)
    return max(0.0, noise / spread) if spread > 0 else 0.0


def shrunk(energies: NDArray[np.float64], rows: int, width: int, shrinkage: float) -> NDArray[np.float64]:
    """Give the shrunk variance along each principal direction, ``(R,)``; infinite where there is none."""
    variance = energies / max(1, rows)
    found = (1 - shrinkage) * variance + shrinkage * variance.sum() / max(1, width)
    carries = found > RANK * max(float(variance.max(initial=0.0)), np.finfo(np.float64).tiny)
    return np.where(carries, found, np.inf)


def separation(
    coordinates: NDArray[np.float64], variance: NDArray[np.float64], classes: NDArray[np.integer]
) -> float:
    """Sum up the variance between classes over the variance, along the principal directions.

    Args:
        coordinates: features in their principal directions, ``(N, R)``.
        variance: of :func:`shrunk`, ``(R,)``.
        classes: ``(N,)``.
    """
    _, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    member = scipy.sparse.csr_matrix((np.ones(len(index)), (index, np.arange(len(index)))))
    means = (member @ coordinates) / counts[:, None] - coordinates.mean(axis=0)
    between = (counts / len(index)) @ means**2
    return float((between / variance).sum())
