"""What a distance between two sets means: whether they differ at all, by much, and what is then worth trying.

A distance explains and opens candidates; labels decide (techniques D). No distance foretells how much is
lost by going from one set to the other.
"""

from crosstune.core.gap import Gap, GapLevel
from crosstune.core.metric import Metric

LARGE = 1.5
"""PRIOR: the proxy A-distance from which more than the usual is worth trying (techniques D): fewer than one
answer in eight is wrong."""

SURE = 1.0
"""ASSUMED: what the interval of a large distance must stay above; a few dozen rows do not make a gap
large."""

DOUBT, CERTAIN = 0.05, 0.01
"""Levels of the p-value: with and without the rule's agreement."""

PLAIN_AUC = 0.6
"""ASSUMED: a rule that surely tells the sets apart this well needs no agreement of the p-value."""

OPENED = ("full",)
"""Strategies that a large gap opens beside the usual ones: a random head and everything moved."""


def judge_gap(distance: Metric, auc: Metric, p: float) -> GapLevel:
    """Say whether two sets differ.

    Args:
        distance: proxy A-distance with its interval.
        auc: of the rule, with its interval.
        p: of the discrepancy (MMD).

    The rule finds what is linear, the discrepancy anything; each alone must be surer than both together.
    Checked by: ``tests/planning/test_gap.py``.
    """
    agreed = p <= DOUBT and auc.low > 0.5
    if not (agreed or p <= CERTAIN or auc.low > PLAIN_AUC):
        return GapLevel.NONE
    return GapLevel.LARGE if distance.value >= LARGE and distance.low >= SURE else GapLevel.SOME


def opened_by(gap: Gap | None) -> tuple[str, ...]:
    """Name the strategies that are worth a trial because of a gap; where it is not large, none."""
    return OPENED if gap is not None and gap.level is GapLevel.LARGE else ()
