"""What it costs to carry one set of points onto another, a little blurred: Sinkhorn's iteration.

Cuturi, NeurIPS 2013; stabilised by taking the scalings into the potentials (Schmitzer 2019). Shapes: M and
N points.
"""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 2_000
"""Most rounds; a few dozen to a few hundred are usual."""

CLOSE = 1e-4
"""Rounds end where what is carried differs from what there is by less than this share."""

LARGEST = 1e60
"""Scalings beyond this are taken into the potentials, long before float64 overflows."""


def transport_cost(cost: NDArray[np.float64], epsilon: float) -> float:
    """Give the least ``<P, C> + epsilon KL(P | 1/(M N))`` over plans P that give every point its due.

    Args:
        cost: ``(M, N)``, C; every point of a set weighs the same.
        epsilon: blur, > 0, in units of the cost.

    The value is read off the potentials. ``cost(A, B) - cost(A, A) / 2 - cost(B, B) / 2``, with one
    epsilon, is zero where A equals B, and above zero otherwise.

    Raises:
        ValueError: epsilon is not above zero, or a cost is not finite.

    Cost: 2 M N multiplications a round. Memory: 8 M N bytes beside the cost.
    Checked by: ``tests/probing/test_transport.py``, against linear programming.
    """
    if not epsilon > 0 or not np.isfinite(cost).all():
        raise ValueError(f"epsilon {epsilon}, and costs that must be finite")
    left = cost.min(axis=1)
    right = (cost - left[:, None]).min(axis=0)
    m, n = cost.shape
    kernel = np.exp((left[:, None] + right - cost) / epsilon)  # a one in every row and every column
    v = np.ones(n)
    for _ in range(ROUNDS):
        u = n / (kernel @ v)
        column = kernel.T @ u / m
        error = float(np.abs(v * column - 1).mean())
        v = 1 / column
        done = error < CLOSE
        if done or max(u.max(), v.max(), 1 / u.min(), 1 / v.min()) > LARGEST:
            left, right = left + epsilon * np.log(u), right + epsilon * np.log(v)
            if done:
                return float(left.mean() + right.mean())
            kernel = np.exp((left[:, None] + right - cost) / epsilon)
            u, v = np.ones(m), np.ones(n)
    return float((left + epsilon * np.log(u)).mean() + (right + epsilon * np.log(v)).mean())
