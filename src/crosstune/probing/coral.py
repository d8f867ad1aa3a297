"""CORAL: how far the covariances of two sets lie apart (Sun and Saenko, ECCV workshops 2016)."""

import numpy as np
from numpy.typing import NDArray


def coral(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Give ``|C_1 - C_2|_F^2 / (4 D^2)``.

    Args:
        first: ``(M, D)``.
        second: ``(N, D)``.

    Above zero for any two samples, and the smaller the samples the more so: compare it with halves of one
    set (``halves.py``). Means do not count. Cost: (M + N) D^2 multiplications.
    Checked by: ``tests/probing/test_coral.py``.
    """
    difference = covariance(first) - covariance(second)
    return float((difference**2).sum() / (4 * first.shape[1] ** 2))


def covariance(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Give the covariance ``(D, D)`` of ``(N, D)`` rows, divided by N - 1 (by 1 for a single row)."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    found: NDArray[np.float64] = centred.T @ centred / max(1, len(features) - 1)
    return found
