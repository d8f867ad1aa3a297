"""The Frechet distance between two sets, taken as normal distributions (Dowson and Landau 1982).

It is strongly biased: two samples of one distribution in 64 dimensions are 22.8 apart at 100 rows each and
4.4 at 500 (techniques D). So it is taken on few coordinates, on as many rows of either set, and less what
two halves of one set give (``halves.py``). Shapes: M and N rows, D columns.
"""

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from crosstune.probing.coral import covariance

COORDINATES = 64
"""Techniques D: at most so many, the directions in which the rows of both sets vary most."""


def frechet(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Give ``|m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2))``, biased.

    Args:
        first: ``(M, D)``.
        second: ``(N, D)``.

    The trace of the root is the sum of the singular values of ``R_1 R_2``, with R the roots of the
    covariances: no complex numbers, no iteration. Cost: (M + N) D^2 and a few D^3 multiplications.
    Checked by: ``tests/probing/test_frechet.py``.
    """
    shift = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    one, other = covariance(first), covariance(second)
    shared = np.linalg.svd(_root(one) @ _root(other), compute_uv=False).sum()
    return float(shift @ shift + np.trace(one) + np.trace(other) - 2 * shared)


def leading_coordinates(
    features: NDArray[np.floating], most: int = COORDINATES
) -> tuple[NDArray[np.float64], float]:
    """Turn rows to the directions in which they vary most.

    Args:
        features: ``(N, D)``.
        most: directions, at most; never more than D or N.

    Returns:
        ``(N, most)`` coordinates, and the share of the variance that they hold.

    Cost: an eigendecomposition of the smaller of N x N and D x D.
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    rows, width = centred.shape
    keep, smaller = min(most, rows, width), min(rows, width)
    wide = width > rows
    gram = centred @ centred.T if wide else centred.T @ centred
    values, vectors = scipy.linalg.eigh(gram, subset_by_index=(smaller - keep, smaller - 1))
    total = float(np.trace(gram))
    share = float(values.sum() / total) if total > 0 else 1.0
    found = vectors * np.sqrt(np.maximum(values, 0.0)) if wide else centred @ vectors
    return np.ascontiguousarray(found[:, ::-1]), share


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    found: NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return found
