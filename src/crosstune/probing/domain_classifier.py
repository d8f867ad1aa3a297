"""Can a linear rule tell from features which of two sets a row comes from? The proxy A-distance.

``2 (1 - 2 error)`` of a classifier between the two sets (Ben-David et al., NIPS 2006): 0 where it guesses,
2 where it is never wrong. The classifier is ridge regression on standardised columns, whose penalty is
chosen by leave-one-out within the rows that it is fitted on; every row is judged by a rule that has not
seen its group.

Shapes: N rows, D columns, B draws.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.probing.intervals import RESAMPLES
from crosstune.probing.matrix import Matrix
from crosstune.probing.ridge import ridge_loo
from crosstune.probing.sides import Sides

FOLDS = 5
"""PRIOR: usual; each rule sees four fifths of the rows."""

PENALTIES = np.logspace(0, 5, 6)
"""In rows, as in ``ridge.py``. Less than one row or more than a hundred thousand was never chosen."""


@dataclass(frozen=True)
class DomainRule:
    """What the rule says about every row, and how good that is."""

    margins: NDArray[np.float64]
    """``(N,)``: above zero where the row looks like one of the second set; by a rule that has not seen it."""
    distance: Metric
    """Proxy A-distance, in [0, 2]."""
    auc: Metric
    """Chance that a row of the second set has the larger margin, in [0, 1]; 0.5 where nothing differs."""
    error: float
    """Share of wrong answers, both sets counting the same, in [0, 1]."""


def domain_rule(features: NDArray[np.float32], sides: Sides, *, seed: int = 0) -> DomainRule:
    """Fit and judge the rule.

    The sets may have different sizes: a row counts by its set, and the bar lies half-way between the means
    of the two sets. Intervals are 95 % percentiles over 200 draws of whole groups, the rules staying as they
    are: they tell how sure the figure is for these rules, not how much other training rows would change.

    Args:
        features: ``(N, D)``, not standardised.
        sides: to which set and group each row belongs.
        seed: of folds and draws.

    Raises:
        BadValue: one group holds a whole set.
        ValueError: a feature is not finite.

    Cost: five ridge regressions with six penalties each: 1.0 s for 600 x 1,280, 6 s for 4,000 x 1,280.
    Checked by: ``tests/probing/test_domain_classifier.py``.
    """
    margins = _margins(features, sides, seed)
    wrong = np.where(sides.second, margins <= 0, margins > 0)
    weights = np.concatenate([np.ones((1, len(wrong))), sides.drawn(RESAMPLES, seed=seed)])
    errors = np.mean([_means(weights, wrong, side) for side in (sides.second, ~sides.second)], axis=0)
    distances = np.maximum(0.0, 2 * (1 - 2 * errors))
    aucs = weighted_auc(margins, sides.second, weights)
    return DomainRule(margins, _metric(distances), _metric(aucs), float(errors[0]))


def weighted_auc(
    values: NDArray[np.float64], second: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the chance that a row of the second set has the larger value; of equal values each has half.

    Args:
        values: ``(N,)``.
        second: ``(N,)``.
        weights: ``(B, N)``: how often each row counts.

    Returns:
        ``(B,)``.
    """
    distinct, place = np.unique(values, return_inverse=True)
    sums = np.zeros((2, len(weights), len(distinct)))
    for side, rows in enumerate((~second, second)):
        order = np.argsort(place[rows], kind="stable")
        starts = np.flatnonzero(np.diff(place[rows][order], prepend=-1))
        columns = place[rows][order][starts]
        sums[side][:, columns] = np.add.reduceat(weights[:, rows][:, order], starts, axis=1)
    below = np.cumsum(sums[0], axis=1) - 0.5 * sums[0]
    found: NDArray[np.float64] = (below * sums[1]).sum(axis=1) / (sums[0].sum(axis=1) * sums[1].sum(axis=1))
    return found


def _margins(features: NDArray[np.float32], sides: Sides, seed: int) -> NDArray[np.float64]:
    folds = sides.folds(FOLDS, seed=seed)
    targets = np.where(sides.second, 1.0, -1.0)[:, None]
    found = np.empty(len(targets))
    for fold in range(int(folds.max()) + 1):
        fitted, judged = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        rule = ridge_loo(Matrix(((features[fitted],),)), targets[fitted], penalties=PENALTIES, seed=seed)
        second = sides.second[fitted][rule.rows]
        bar = np.mean([rule.left_out[second].mean(), rule.left_out[~second].mean()])
        found[judged] = features[judged].astype(np.float64) @ rule.weight[0] + rule.bias[0] - bar
    return found


def _means(
    weights: NDArray[np.float64], wrong: NDArray[np.bool_], side: NDArray[np.bool_]
) -> NDArray[np.float64]:
    inside: NDArray[np.float64] = weights[:, side]
    return np.asarray(inside @ wrong[side].astype(np.float64) / inside.sum(axis=1))


def _metric(values: NDArray[np.float64]) -> Metric:
    """Take the first as the figure, and the others for its interval."""
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Metric(float(values[0]), float(low), float(high))
