"""The coordinates in which a logistic head is fitted: standardised columns, or the span of the rows.

With at most as many rows as columns the penalised optimum is a combination of the rows, so the D columns
are replaced by at most N rotated ones, exactly. Shapes: N rows, D columns, R coordinates, K outputs.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.probing.matrix import Matrix, Scale, Standardised, measure_scale
from crosstune.probing.moments import Moments, measure_moments

Head = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Weights and bias: ``(R, K)`` and ``(K,)`` in these coordinates, ``(K, D)`` and ``(K,)`` on raw features."""

RANK = 1e-10
"""Directions below this share of the largest eigenvalue are rounding, and carry nothing."""


@dataclass(frozen=True)
class Coordinates:
    """Features in the coordinates of a fit, their Gram, and the way back to raw columns."""

    features: Standardised
    gram: NDArray[np.float64]
    """``(R, R)``."""
    cross: NDArray[np.float64]
    """Features times centred targets, ``(R, K)``."""
    scale: Scale
    """Of the raw columns."""
    basis: NDArray[np.float64] | None = None
    """``(D, R)`` with orthonormal columns; ``None`` where R is D."""

    def to_raw(self, head: Head) -> Head:
        """Turn a head in these coordinates into one on raw features."""
        weight = head[0] if self.basis is None else self.basis @ head[0]
        return self.scale.fold(weight, head[1])

    def from_raw(self, head: Head) -> Head:
        """Turn a head on raw features into one in these coordinates."""
        weight = self.scale.unfold(head[0])
        inner = weight if self.basis is None else self.basis.T @ weight
        return inner, head[1] + head[0] @ self.scale.mean


def choose_coordinates(
    matrix: Matrix, targets: NDArray[np.float64], moments: Moments | None = None
) -> Coordinates:
    """Keep the standardised columns where N > D; otherwise rotate into the span of the rows.

    Cost: the Gram where ``moments`` does not hold it; for N <= D one N x N eigendecomposition.
    """
    scale = moments.scale if moments else measure_scale(matrix)
    if matrix.rows > matrix.width:
        features = Standardised(matrix, scale)
        known = moments or measure_moments(features, targets, keep=True)
        return Coordinates(features, known.gram, known.cross, scale)
    values = scale.apply(matrix.take(np.arange(matrix.rows)).astype(np.float64))
    found, vectors = torch.linalg.eigh(torch.from_numpy(values @ values.T))
    eigenvalues: NDArray[np.float64] = found.numpy()
    used = eigenvalues > RANK * max(float(eigenvalues[-1]), 1.0)
    length = np.sqrt(eigenvalues[used])
    rotated = vectors.numpy()[:, used] * length
    plain = Scale(np.zeros(len(length)), np.ones(len(length)))
    features = Standardised(Matrix(((rotated.astype(np.float32),),)), plain)
    cross = rotated.T @ (targets - targets.mean(axis=0))
    basis = values.T @ (rotated / length**2)
    return Coordinates(features, np.diag(eigenvalues[used]), cross, scale, basis)
