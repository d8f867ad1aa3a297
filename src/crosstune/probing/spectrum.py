"""One decomposition of frozen features, from which every closed-form score of a model is read off.

Columns are standardised first (``matrix.measure_scale``), so all scores see the same features X, with
columns that sum to zero. One eigendecomposition of the smaller Gram then serves all penalties of ridge
leave-one-out and leave-group-out, the evidence (LogME) and the H-score.

Shapes: N rows, D columns, R directions, K outputs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.probing.matrix import Matrix, measure_scale
from crosstune.probing.moments import EXACT_WORK

RANK = 1e-10
"""Directions below this share of the largest energy are rounding; scores that divide by it pass them over."""


@dataclass(frozen=True)
class Spectrum:
    """Standardised features X in their principal directions: ``X = basis * scale @ directions'``."""

    width: int
    """D, without columns that are constant."""
    basis: NDArray[np.float64]
    """``(N, R)``: where ``wide``, orthonormal columns U; otherwise ``X @ directions``."""
    energies: NDArray[np.float64]
    """``(R,)``: squared length of X along each direction."""
    wide: bool
    """At most as many rows as columns: then the basis and the constant vector span all of the rows' space,
    and what is left over by a fit is summed up without cancellation."""

    @property
    def rows(self) -> int:
        """N."""
        return len(self.basis)

    @cached_property
    def coordinates(self) -> NDArray[np.float64]:
        """X in its principal directions, ``(N, R)``: same lengths and angles of the rows as X."""
        return self.basis * np.sqrt(self.energies) if self.wide else self.basis

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """Which directions are more than rounding, ``(R,)``."""
        return self.energies > RANK * max(float(self.energies.max(initial=0.0)), np.finfo(float).tiny)

    def residuals(
        self, centred: NDArray[np.float64], penalty: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fit ridge; give residuals ``(N, K)`` and the diagonal of I - H ``(N,)``.

        Args:
            centred: targets ``(N, K)`` less their mean.
            penalty: > 0, in rows.
        """
        if self.wide:
            left = penalty / (self.energies + penalty)
            return self.basis @ (left[:, None] * (self.basis.T @ centred)), self.basis**2 @ left
        gain = 1 / (self.energies + penalty)
        residual = centred - self.basis @ (gain[:, None] * (self.basis.T @ centred))
        return residual, 1 - 1 / self.rows - self.basis**2 @ gain

    def slack_between(self, rows: NDArray[np.intp], penalty: float) -> NDArray[np.float64]:
        """Give the block of I - H that belongs to n rows, ``(n, n)``."""
        some = self.basis[rows]
        if self.wide:
            return (some * (penalty / (self.energies + penalty))) @ some.T
        fitted = (some / (self.energies + penalty)) @ some.T
        inside: NDArray[np.float64] = np.eye(len(rows)) - 1 / self.rows - fitted
        return inside


def measure_spectrum(matrix: Matrix, names: tuple[str, ...] = ()) -> Spectrum:
    """Standardise the columns of ``matrix`` and decompose them.

    Args:
        matrix: N rows of D columns.
        names: of the column blocks, for the error.

    Raises:
        ValueError: a value is NaN or infinite.

    Cost: N D min(N, D) multiplications for the Gram (in float64 up to 2e10, in float32 above: a relative
    error of 1e-6), and about 10 min(N, D)^3 for its decomposition: 2 s on two cores for 2,000 x 3,120.
    Memory: N D values.
    """
    scale = measure_scale(matrix, names)
    rows, width = matrix.rows, int((scale.inverse > 0).sum())
    exact = rows * matrix.width * min(rows, matrix.width) <= EXACT_WORK
    taken = matrix.take(np.arange(rows))
    values = scale.apply(taken.astype(np.float64) if exact else taken)
    if rows <= matrix.width:
        return _wide(values, width)
    energies, directions = _decomposed(values.T @ values)
    turned = (values @ directions.astype(values.dtype)).astype(np.float64)
    return Spectrum(width, turned, energies, wide=False)


def _wide(values: NDArray[np.floating], width: int) -> Spectrum:
    """Decompose through the N x N Gram.

    A large multiple of the constant vector makes it an eigenvector of its own, the last one (see
    ``leave_one_out.Dual``); without it the others are orthogonal to it.
    """
    gram = (values @ values.T).astype(np.float64)
    gram += (2 * np.trace(gram) + 1) / len(gram)
    energies, vectors = _decomposed(gram)
    return Spectrum(width, vectors[:, :-1], energies[:-1], wide=True)


def _decomposed(gram: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give eigenvalues, ascending and at least zero, and eigenvectors."""
    values, vectors = torch.linalg.eigh(torch.from_numpy(gram.astype(np.float64, copy=False)))
    found: NDArray[np.float64] = vectors.numpy()
    return np.maximum(values.numpy(), 0.0), found
