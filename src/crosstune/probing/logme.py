"""LogME: the evidence of a Bayesian linear head, in nats for each row.

Bayesian linear regression with a prior precision ``alpha`` of the weights and a noise precision ``beta``,
both at their fixed point (You 2021, arXiv:2102.11005; the iteration of arXiv:2110.10545). The determinant
of the posterior has ``D - k`` factors ``alpha`` beside those of the k singular values. The authors' code
and its copies leave them out, and then rank models with N < D by their width: 300 rows of noise have an
"evidence" of -0.26 with 128 columns and of 66 with 4,096. Here they are counted.

Shapes: N rows, D columns, K target columns, k singular values.
"""

import numpy as np
from numpy.typing import NDArray

STEPS = 100
"""Most steps of the fixed point. Three or four are usual; where features say little, or D is above N, the
eleven of the source stop a hundredth of a nat too early."""

TOLERANCE = 1e-3
"""Relative change of alpha / beta at which the fixed point is reached."""

GUARD = 1e-5
"""Keeps alpha and beta finite where weights or errors vanish."""

LARGEST = 1e12
"""Of alpha / beta, and one over it: where the weights vanish, or the errors do, the fixed point lies at an
end of the scale, and the evidence has long stopped to change."""


def logme(features: NDArray[np.floating], targets: NDArray[np.float64]) -> float:
    """Measure the evidence for each row, averaged over target columns.

    Args:
        features: ``(N, D)``, as they are: centre them where an intercept is wanted.
        targets: ``(N, K)``: one-hot, multi-hot or scaled values.

    Cost: a singular value decomposition, O(N D min(N, D)).
    Checked by: ``tests/probing/test_logme.py``: equal to the D x D form, the same for rotated features, and
    flat in D on noise.
    """
    basis, scale, _ = np.linalg.svd(np.asarray(features, np.float64), full_matrices=False)
    projected = (basis.T @ targets) ** 2
    rest = np.maximum((targets**2).sum(axis=0) - projected.sum(axis=0), 0.0)
    return float(evidence(scale**2, projected, rest, *features.shape).mean())


def evidence(
    energies: NDArray[np.float64],
    projected: NDArray[np.float64],
    rest: NDArray[np.float64],
    rows: int,
    width: int,
) -> NDArray[np.float64]:
    """Give the evidence of each target column divided by N, ``(K,)``.

    Args:
        energies: squared singular values of the features, ``(k,)``.
        projected: squared products of the left singular vectors with the targets, ``(k, K)``.
        rest: squared length of the targets outside of their span, ``(K,)``.
        rows: N.
        width: D >= k.
    """
    alpha, beta = fixed_point(energies, projected, rest, rows)
    energy = energies[:, None]
    _, weights, error = _posterior(energy, projected, rest, alpha / beta)
    unused = width - len(energies)
    determinant = np.log(alpha + beta * energy).sum(axis=0) + unused * np.log(alpha)
    total = width / 2 * np.log(alpha) + rows / 2 * np.log(beta) - determinant / 2
    total -= beta * error / 2 + alpha * weights / 2 + rows / 2 * np.log(2 * np.pi)
    found: NDArray[np.float64] = total / rows
    return found


def fixed_point(
    energies: NDArray[np.float64], projected: NDArray[np.float64], rest: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the precisions of the weights and of the noise for each target column, ``(K,)`` each.

    Arguments as for :func:`evidence`.
    """
    energy = energies[:, None]
    alpha = np.ones(projected.shape[1])
    beta = np.ones(projected.shape[1])
    ratio = alpha / beta
    for _ in range(STEPS):
        effective, weights, error = _posterior(energy, projected, rest, ratio)
        alpha = effective / (weights + GUARD)
        beta = np.maximum(rows - effective, GUARD) / (error + GUARD)
        before, ratio = ratio, np.clip(alpha / beta, 1 / LARGEST, LARGEST)
        if np.all(np.abs(ratio - before) <= TOLERANCE * before):
            break
    return ratio * beta, beta


def left_out_densities(
    basis: NDArray[np.float64],
    energies: NDArray[np.float64],
    targets: NDArray[np.float64],
    precisions: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Give the log density of each row's targets, foretold from all other rows, ``(N, K)``.

    The evidence is a sum of such densities, each from the rows before it; how these vary from row to row
    says how well the evidence is known.

    Args:
        basis: left singular vectors of the features, ``(N, k)``.
        energies: ``(k,)``.
        targets: ``(N, K)``.
        precisions: of :func:`fixed_point`.
    """
    alpha, beta = precisions
    kept = energies[:, None] / (energies[:, None] + alpha / beta)
    slack = np.maximum(1 - basis**2 @ kept, np.finfo(np.float64).eps)
    residual = targets - basis @ (kept * (basis.T @ targets))
    found: NDArray[np.float64] = np.log(beta * slack / (2 * np.pi)) / 2 - beta * residual**2 / slack / 2
    return found


def _posterior(
    energy: NDArray[np.float64],
    projected: NDArray[np.float64],
    rest: NDArray[np.float64],
    ratio: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give effective parameters, squared length of the weights, and squared error, each ``(K,)``."""
    shrunk = 1 / (energy + ratio)
    effective = (energy * shrunk).sum(axis=0)
    weights = (energy * projected * shrunk**2).sum(axis=0)
    error = (projected * (ratio * shrunk) ** 2).sum(axis=0) + rest
    return effective, weights, error
