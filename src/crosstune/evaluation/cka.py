"""Linear centred kernel alignment: how much two bodies' features of the same examples are alike.

Shapes: N examples, D and E columns.
"""

import numpy as np
from numpy.typing import NDArray

FEWEST = 4
"""Examples that the unbiased estimate needs."""


def linear_cka(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    """Measure the alignment of two sets of features; 1 where they agree but for rotation and scale.

    ``HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))`` with ``K = X X'``, ``L = Y Y'`` and the unbiased estimate of
    HSIC (Song 2012, equation 5), in which unrelated features give about 0 at any width; the biased one rises
    with D / N. It may lie a little below 0. Source: Kornblith 2019, arXiv:1905.00414; unbiased in
    Nguyen 2021, arXiv:2010.15327.

    Args:
        ours: ``(N, D)``.
        theirs: ``(N, E)``, of the same examples.

    Returns:
        NaN where one of them does not vary.

    Raises:
        ValueError: the numbers of examples differ, or there are fewer than four.

    Cost: N^2 (D + E) multiplications.
    Checked by: ``tests/evaluation/test_cka.py``: sums over quadruples, rotation, scale, shift.
    """
    if len(ours) != len(theirs) or len(ours) < FEWEST:
        raise ValueError(f"features of {len(ours)} and {len(theirs)} examples; at least {FEWEST} are needed")
    first, second = _gram(ours), _gram(theirs)
    own, other = _hsic(first, first), _hsic(second, second)
    if not (own > 0 and other > 0):
        return float("nan")
    return float(_hsic(first, second) / np.sqrt(own * other))


def _gram(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Multiply centred features of mean length one; the diagonal is left out."""
    wide = features.astype(np.float64)
    wide = wide - wide.mean(axis=0)
    size = np.sqrt((wide**2).sum() / len(wide))
    gram: NDArray[np.float64] = (wide / size if size > 0 else wide) @ (wide / size if size > 0 else wide).T
    np.fill_diagonal(gram, 0.0)
    return gram


def _hsic(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Estimate HSIC without bias from two Grams with zero diagonals, up to the factor 1 / (N (N - 3))."""
    count = len(first)
    rows, columns = first.sum(axis=0), second.sum(axis=0)
    product = float((first * second).sum())
    means = float(rows.sum() * columns.sum()) / ((count - 1) * (count - 2))
    return product + means - 2.0 * float(rows @ columns) / (count - 2)
