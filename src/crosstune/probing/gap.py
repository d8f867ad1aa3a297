"""Every distance between two sets of features, taken on the same rows.

Shapes: N rows of both sets, D columns.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crosstune.core.seeding import generator
from crosstune.probing.coral import coral
from crosstune.probing.domain_classifier import DomainRule, domain_rule
from crosstune.probing.frechet import frechet, leading_coordinates
from crosstune.probing.halves import Debiased, Rows, debiased
from crosstune.probing.matrix import Matrix, Scale, measure_scale
from crosstune.probing.mmd import Mmd, mmd
from crosstune.probing.otdd import otdd
from crosstune.probing.sides import Sides

LABELLED = 1_000
"""Rows of a set that the dataset distance takes, at most: its cost grows with the square."""


@dataclass(frozen=True)
class Told:
    """Whether two sets can be told apart."""

    rule: DomainRule
    mmd: Mmd


@dataclass(frozen=True)
class Distances:
    """How far apart they are, without the bias of each measure."""

    coral: Debiased
    frechet: Debiased
    otdd: Debiased | None
    share: float
    """Of the variance that lies in the directions on which these were taken."""


def tell_apart(
    features: NDArray[np.float32],
    sides: Sides,
    *,
    scale: Scale | None = None,
    bandwidth: float | None = None,
    seed: int = 0,
) -> Told:
    """Try a linear rule and a kernel.

    Args:
        features: ``(N, D)``.
        sides: to which set and group each row belongs.
        scale: of the columns for the kernel; ``None`` takes that of all N rows. With ``bandwidth`` it must be
            given where figures of several pairs are compared.
        bandwidth: of the kernel; ``None`` takes the median distance.
        seed: of all draws.

    Cost: that of ``domain_rule`` and ``mmd``: 1.2 s for 600 x 1,280. Checked by:
    ``tests/probing/test_gap.py``.
    """
    rule = domain_rule(features, sides, seed=seed)
    return Told(rule, mmd(standardised(features, scale), sides, bandwidth=bandwidth, seed=seed))


def measure_distances(
    features: NDArray[np.float32],
    sides: Sides,
    labels: NDArray[np.integer] | None = None,
    *,
    scale: Scale | None = None,
    seed: int = 0,
) -> Distances:
    """Take CORAL, the Frechet distance, and with labels the dataset distance.

    All three on at most 64 leading directions of the standardised columns, less what halves of one set give.

    Args:
        features: ``(N, D)``.
        sides: to which set and group each row belongs.
        labels: ``(N,)``, from 0, -1 where a row has none; ``None``: the sets have no labels.
        scale: of the columns; ``None`` takes that of all N rows.
        seed: of all draws.

    Cost: an eigendecomposition of the smaller of N x N and D x D, and 1.5 s for the dataset distance of
    1,000 rows in each set. Checked by: ``tests/probing/test_gap.py``.
    """
    where, share = leading_coordinates(standardised(features, scale))

    def on(distance: partial[float], one: Rows, other: Rows) -> float:
        return distance(where[one], where[other])

    plain = [debiased(partial(on, partial(kind)), sides, seed=seed) for kind in (coral, frechet)]
    found = None if labels is None else _dataset_distance(where, sides, labels, seed)
    return Distances(plain[0], plain[1], found, share)


def standardised(features: NDArray[np.float32], scale: Scale | None = None) -> NDArray[np.float64]:
    """Divide columns by their deviations, softly (``matrix.py``)."""
    known = scale or measure_scale(Matrix(((features,),)))
    return known.apply(features.astype(np.float64)).astype(np.float64, copy=False)


def _dataset_distance(
    where: NDArray[np.float64], sides: Sides, labels: NDArray[np.integer], seed: int
) -> Debiased | None:
    """Take it on some labelled rows of each set; where a set has hardly any, not at all."""
    chosen = []
    for turn, rows in enumerate(sides.rows):
        known = rows[labels[rows] >= 0]
        some = generator(seed, "labelled rows", turn).permutation(len(known))[:LABELLED]
        chosen.append(np.sort(known[some]))
    rows = np.concatenate(chosen)
    part = sides.part(rows)
    least = int((part.counts > 0).sum(axis=0).min()) if min(map(len, chosen)) else 0
    if least < 2:
        return None

    def distance(one: Rows, other: Rows) -> float:
        first, second = rows[one], rows[other]
        return otdd(where[first], labels[first], where[second], labels[second])

    return debiased(distance, part, seed=seed, turns=1)
