"""Leave-one-out predictions of a ridge head, for one penalty after another.

With ``H = 1/N + X (X'X + penalty I)^-1 X'`` the head fitted on all rows but i predicts
``y_i - (y_i - yhat_i) / (1 - H_ii)`` for row i (Allen's PRESS, 1974). Exact for a fixed scale of the columns.
Shapes: N rows, D columns, K outputs, S scored rows.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray

from crosstune.probing.matrix import Matrix, Scale
from crosstune.probing.moments import Moments

EXACT_WORK = 1e9
"""Up to S D^2 multiplications leverages are computed in float64, above in float32, which costs half."""

SCORED_WORK = 5e10
"""Leave-one-out predictions are made for at most this / D^2 rows, drawn at random (2,000 at least)."""


@dataclass(frozen=True)
class Candidate:
    """One penalty: the head on standardised columns and its leave-one-out predictions."""

    penalty: float
    weight: NDArray[np.float64]
    """``(D, K)``."""
    left_out: NDArray[np.float64]
    """``(S, K)``, for the scored rows."""


def cholesky(gram: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Return the lower factor of ``gram + penalty I``; a noisy Gram gets the least shift that works.

    The shift starts at zero and grows from float32's rounding of the largest eigenvalue's bound, because
    a Gram summed up in float32 may have slightly negative eigenvalues.
    """
    width = len(gram)
    shift, step = 0.0, 1e-9 * float(np.trace(gram)) / max(1, width) + np.finfo(np.float64).tiny
    while True:
        system = torch.from_numpy(gram).clone()
        system.diagonal().add_(penalty + shift)
        factor, failed = torch.linalg.cholesky_ex(system)
        if not failed:
            found: NDArray[np.float64] = factor.numpy()
            return found
        shift, step = step, 10 * step


def solve(factor: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve with the lower factor of a symmetric matrix."""
    solved: NDArray[np.float64] = scipy.linalg.cho_solve((factor, True), right, check_finite=False)
    return solved


class Factors:
    """The system of all columns by a factorisation for each penalty."""

    def __init__(self, moments: Moments, scored: NDArray[np.floating]) -> None:
        self.moments, self.scored = moments, scored

    def __call__(self, penalty: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the weights ``(D, K)`` and ``x' (X'X + penalty I)^-1 x`` of each scored row, ``(S,)``."""
        factor = cholesky(self.moments.gram, penalty)
        half = torch.linalg.solve_triangular(
            torch.from_numpy(factor.astype(self.scored.dtype)), torch.from_numpy(self.scored.T), upper=False
        )
        leverage = half.square_().sum(dim=0).numpy().astype(np.float64)
        return solve(factor, self.moments.cross), leverage


class Spectrum:
    """The same by one eigendecomposition for all penalties, which a narrow block or many penalties repay."""

    def __init__(self, moments: Moments, scored: NDArray[np.floating]) -> None:
        eigenvalues, vectors = torch.linalg.eigh(torch.from_numpy(moments.gram))
        self.vectors: NDArray[np.float64] = vectors.numpy()
        # a Gram summed up in float32 may have slightly negative ones
        self.eigenvalues: NDArray[np.float64] = np.maximum(eigenvalues.numpy(), 0.0)
        self.cross = self.vectors.T @ moments.cross
        self.squares = (scored @ self.vectors.astype(scored.dtype)) ** 2

    def __call__(self, penalty: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give what :class:`Factors` gives."""
        shrink = 1 / (self.eigenvalues + penalty)
        leverage = (self.squares @ shrink.astype(self.squares.dtype)).astype(np.float64)
        return self.vectors @ (shrink[:, None] * self.cross), leverage


def cheaper(width: int, scored: int, penalties: int) -> type[Factors] | type[Spectrum]:
    """Choose the cheaper of the two for so many columns, scored rows and penalties.

    MEASURED on 2 cores (AMD EPYC, float64, leverages in float32), in units of 1e-12 s: an eigendecomposition
    costs 130 D^3, a factorisation 8 D^3; turning or solving for S rows 14 S D^2.
    """
    once, each = 130 * width + 14 * scored, 8 * width + 14 * scored
    return Spectrum if once < penalties * each else Factors


class Primal:
    """More rows than columns: the D x D system; ``penalties`` says about how many will be asked for."""

    def __init__(
        self,
        moments: Moments,
        matrix: Matrix,
        targets: NDArray[np.float64],
        rows: NDArray[np.intp],
        *,
        penalties: int = 1,
    ) -> None:
        self.moments = moments
        exact = len(rows) * matrix.width**2 <= EXACT_WORK
        taken = matrix.take(rows)
        self.scored = moments.scale.apply(taken.astype(np.float64) if exact else taken)
        self.centred = targets[rows] - moments.target_mean
        self.system = cheaper(matrix.width, len(rows), penalties)(moments, self.scored)

    def __call__(self, penalty: float) -> Candidate:
        """Fit at one penalty."""
        weight, leverage = self.system(penalty)
        # float32 may overflow on a nearly singular factor; such a row decides its own prediction
        leverage = np.nan_to_num(leverage + 1 / self.moments.rows, nan=1.0, posinf=1.0)
        residual = self.centred - self.scored @ weight.astype(self.scored.dtype)
        floor = 1e-5 if self.scored.dtype == np.float32 else 1e-10
        error = residual / np.maximum(1 - np.clip(leverage, 0.0, 1.0), floor)[:, None]
        return Candidate(penalty, weight, self.centred - error + self.moments.target_mean)


class Dual:
    """At most as many rows as columns: one N x N eigendecomposition for all penalties.

    The constant vector is made an eigenvector of its own by adding a large multiple of it to the centred
    Gram; its weight is then exactly one, as the unpenalised intercept asks. Residual and ``1 - H_ii`` are
    both summed up as ``penalty / (eigenvalue + penalty)``, free of cancellation.
    """

    def __init__(
        self,
        matrix: Matrix,
        scale: Scale,
        targets: NDArray[np.float64],
        rows: NDArray[np.intp],
    ) -> None:
        self.values = scale.apply(matrix.take(np.arange(matrix.rows)).astype(np.float64))
        self.mean = targets.mean(axis=0)
        self.centred = targets - self.mean
        self.rows = rows
        count = matrix.rows
        gram = self.values @ self.values.T
        gram += (2 * np.trace(gram) + 1) / count
        eigenvalues, vectors = torch.linalg.eigh(torch.from_numpy(gram))
        self.vectors: NDArray[np.float64] = vectors.numpy()[:, :-1]
        self.eigenvalues: NDArray[np.float64] = np.maximum(eigenvalues.numpy()[:-1], 0.0)

    def __call__(self, penalty: float) -> Candidate:
        """Fit at one penalty."""
        shrink = 1 / (self.eigenvalues + penalty)
        dual = self.vectors @ (shrink[:, None] * (self.vectors.T @ self.centred))
        slack = (self.vectors**2) @ shrink
        centred = self.centred[self.rows]
        error = dual[self.rows] / np.maximum(slack[self.rows], np.finfo(np.float64).tiny)[:, None]
        return Candidate(penalty, self.values.T @ dual, centred - error + self.mean)
