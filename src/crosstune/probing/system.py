"""Standardised features and their Gram: what every closed-form score of a model starts from.

Shapes: N rows, D columns.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.probing.leave_one_out import cholesky
from crosstune.probing.matrix import Matrix, measure_scale
from crosstune.probing.moments import EXACT_WORK


@dataclass(frozen=True)
class System:
    """Standardised features X, whose columns sum to zero, and the smaller of their two Grams."""

    values: NDArray[np.floating]
    """X, ``(N, D)``: float64, or float32 where it is large."""
    gram: NDArray[np.float64]
    """``X' X`` where ``tall``, otherwise ``X X'``."""
    width: int
    """D, without columns that are constant."""

    @property
    def rows(self) -> int:
        """N."""
        return len(self.values)

    @property
    def tall(self) -> bool:
        """Whether there are more rows than columns."""
        return bool(self.rows > self.values.shape[1])

    def hat(self, penalty: float) -> "Hat":
        """Fit ridge at one penalty (> 0, in rows), with an intercept that is not penalised.

        Cost: where tall, D^3 / 3 + N D^2 multiplications; otherwise N^3.
        """
        return _tall(self, penalty) if self.tall else _wide(self, penalty)


@dataclass(frozen=True)
class Hat:
    """What one ridge fit leaves of any targets: ``I - H``, up to a factor.

    It is ``I - 1/N - half' half`` where tall. Otherwise it is ``half' half - 1 level``, the inverse of the
    penalised Gram less the constant vector's part in it: nothing cancels where the fit is nearly exact.
    """

    half: NDArray[np.float64]
    """``(D, N)`` where tall, otherwise ``(N, N)``."""
    level: float
    tall: bool

    def residuals(self, centred: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply it to targets ``(N, K)`` less their means."""
        product: NDArray[np.float64] = self.half.T @ (self.half @ centred)
        return centred - product if self.tall else product

    def diagonal(self) -> NDArray[np.float64]:
        """Give its diagonal, ``(N,)``."""
        squares: NDArray[np.float64] = np.einsum("dn,dn->n", self.half, self.half)
        return 1 - squares - self.level if self.tall else squares - self.level

    def between(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Give the part that belongs to n rows, ``(n, n)``."""
        some = self.half[:, rows]
        product: NDArray[np.float64] = some.T @ some
        return np.eye(len(rows)) - product - self.level if self.tall else product - self.level


def measure_system(matrix: Matrix, names: tuple[str, ...] = ()) -> System:
    """Standardise the columns of ``matrix``, and multiply them.

    Args:
        matrix: N rows of D columns.
        names: of the column blocks, for the error.

    Raises:
        ValueError: a value is NaN or infinite.

    Cost: N D min(N, D) multiplications, in float64 up to 2e10 and in float32 above: a relative error of
    1e-6, which every penalty of at least one pseudo-row covers. Memory: N D values.
    """
    scale = measure_scale(matrix, names)
    smaller = min(matrix.rows, matrix.width)
    taken = matrix.take(np.arange(matrix.rows))
    exact = matrix.rows * matrix.width * smaller <= EXACT_WORK
    values = scale.apply(taken.astype(np.float64) if exact else taken)
    gram = values.T @ values if matrix.rows > matrix.width else values @ values.T
    return System(values, gram.astype(np.float64), int((scale.inverse > 0).sum()))


def _tall(system: System, penalty: float) -> Hat:
    half = _divided(cholesky(system.gram, penalty), system.values.T)
    return Hat(half, 1 / system.rows, tall=True)


def _wide(system: System, penalty: float) -> Hat:
    """Invert the N x N Gram; the constant vector, which X cannot reach, is lifted out of the way.

    A large multiple of it is added and, once inverted, its share is taken off again.
    """
    count = system.rows
    lift = float(np.trace(system.gram)) + penalty
    half = _divided(cholesky(system.gram + lift / count, penalty), np.eye(count))
    return Hat(half, 1 / (count * (lift + penalty)), tall=False)


def _divided(factor: NDArray[np.float64], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """Divide by a lower factor. With the identity this is ten times as fast as LAPACK's inverse."""
    values = torch.from_numpy(np.ascontiguousarray(right, dtype=np.float64))
    solved: NDArray[np.float64] = torch.linalg.solve_triangular(
        torch.from_numpy(factor), values, upper=False
    ).numpy()
    return solved
