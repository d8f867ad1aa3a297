"""Maximum mean discrepancy: do two sets have the same distribution, whatever the difference may be?

Gretton et al., JMLR 13 (2012), Lemma 6, with the kernel ``exp(-|x - y|^2 / (2 sigma^2))``. Shapes: N rows,
D columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.probing.sides import Sides

PERMUTATIONS = 200
"""Techniques D: p is known to about 0.015 where it is 0.05; the least that it can be is 0.005."""


@dataclass(frozen=True)
class Mmd:
    """The squared discrepancy, and what chance would give."""

    value: float
    """Unbiased, so it is negative half of the time where nothing differs."""
    p: float
    """Share of exchanges of the two names that give as much or more, the given one included."""
    chance: float
    """What 95 % of the exchanges stay below."""
    bandwidth: float
    """Sigma, in units of the features."""


def median_distance(features: NDArray[np.floating]) -> float:
    """Give the median distance between two rows, all pairs of N counting: the usual bandwidth.

    Figures that are compared with each other must have been taken with one bandwidth.
    """
    return _median(_squared_distances(features))


def mmd(
    features: NDArray[np.floating],
    sides: Sides,
    *,
    bandwidth: float | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Mmd:
    """Measure the discrepancy, with its p-value.

    Args:
        features: ``(N, D)``, in the units in which distances shall be taken.
        sides: to which set and group each row belongs; groups exchange their names as a whole.
        bandwidth: sigma; ``None`` takes the median distance of all rows.
        permutations: of the p-value.
        seed: of the exchanges.

    Cost: one kernel matrix, N^2 D multiplications, and one product with all exchanges at once, 200 N^2:
    2.5 s for N = 4,000. Memory: 16 N^2 bytes.
    Checked by: ``tests/probing/test_mmd.py``, against the double sum.
    """
    squared = _squared_distances(features)
    sigma = _median(squared) if bandwidth is None else bandwidth
    width = sigma or float(np.sqrt(squared.mean())) or 1.0  # more than half of the rows may be equal
    kernel = np.exp(squared / (-2 * width**2), out=squared)
    np.fill_diagonal(kernel, 0.0)
    names = np.concatenate([sides.second[None], sides.exchanged(permutations, seed=seed)])
    found = _discrepancies(kernel, names.T.astype(np.float64))
    others = found[1:]
    rounding = 1e-12  # the same exchange, summed up in another order
    p = (1 + int((others >= found[0] - rounding).sum())) / (1 + permutations)
    chance = float(np.percentile(others, 95)) if permutations else float("nan")
    return Mmd(float(found[0]), p, chance, sigma)


def _discrepancies(kernel: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum up the kernel within and between the sets, for every column of names ``(N, P)``."""
    rows = len(kernel)
    product = kernel @ second
    within = (second * product).sum(axis=0)
    between = product.sum(axis=0) - within
    rest = kernel.sum() - 2 * between - within
    n = second.sum(axis=0)
    m = rows - n
    found: NDArray[np.float64] = rest / (m * (m - 1)) + within / (n * (n - 1)) - 2 * between / (m * n)
    return found


def _squared_distances(features: NDArray[np.floating]) -> NDArray[np.float64]:
    values = features.astype(np.float64)
    values -= values.mean(axis=0)
    squares = np.einsum("nd,nd->n", values, values)
    found = values @ values.T
    found *= -2
    found += squares
    found += squares[:, None]
    np.maximum(found, 0.0, out=found)
    np.fill_diagonal(found, 0.0)
    return found


def _median(squared: NDArray[np.float64]) -> float:
    """Take the middle of all pairs; the N zeros of the diagonal come before them."""
    rows = len(squared)
    pairs = rows * (rows - 1)
    places = [rows + (pairs - 1) // 2, rows + pairs // 2]
    return float(np.sqrt(np.partition(squared, places, axis=None)[places]).mean())
