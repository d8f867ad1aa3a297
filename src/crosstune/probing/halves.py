"""A distance between two sets, less what two halves of one and the same set give.

Distances of samples are biased: they are above zero where nothing differs. Two halves of one set show by how
much, as long as they are as large as what is compared. So each set is divided in two, halves of different
sets are compared, halves of the same set too, and the means are subtracted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.probing.sides import Sides

TURNS = 5
"""ASSUMED: divisions that are averaged; one more hardly moves the mean."""

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Debiased:
    """A distance without its bias."""

    value: float
    """``between - within``; about zero, of either sign, where nothing differs."""
    between: float
    within: float


def debiased(
    distance: Callable[[Rows, Rows], float], sides: Sides, *, seed: int = 0, turns: int = TURNS
) -> Debiased:
    """Compare halves.

    Args:
        distance: of two lists of row numbers.
        sides: to which set and group each row belongs; halves hold whole groups.
        seed: of the divisions.
        turns: how many of them.

    Raises:
        ValueError: a set has fewer than two groups.

    Cost: four distances a turn.
    Checked by: ``tests/probing/test_halves.py``.
    """
    between, within = [], []
    for turn in range(turns):
        (one, two), (other, last) = sides.halves(seed=seed, turn=turn)
        between += [distance(one, other), distance(two, last)]
        within += [distance(one, two), distance(other, last)]
    means = float(np.mean(between)), float(np.mean(within))
    return Debiased(means[0] - means[1], *means)
