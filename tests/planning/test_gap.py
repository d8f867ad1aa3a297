"""What distances come to, and what a large gap opens."""

import pytest

from crosstune.core.gap import GapLevel
from crosstune.core.metric import Metric
from crosstune.planning.gap import OPENED, judge_gap, opened_by
from tests.support.sample_gap import picture_gap, text_gap


@pytest.mark.parametrize(
    ("distance", "low", "auc", "p", "expected"),
    [
        (0.1, 0.0, 0.47, 0.40, GapLevel.NONE),
        (0.3, 0.1, 0.51, 0.20, GapLevel.NONE),  # the rule alone, hardly
        (0.3, 0.1, 0.51, 0.04, GapLevel.SOME),  # both
        (0.0, 0.0, 0.45, 0.005, GapLevel.SOME),  # a spread, which no linear rule sees
        (0.9, 0.7, 0.70, 0.30, GapLevel.SOME),
        (1.6, 1.3, 0.90, 0.005, GapLevel.LARGE),
        (1.6, 0.8, 0.80, 0.005, GapLevel.SOME),  # few rows
    ],
)
def test_two_sets_are_judged(distance: float, low: float, auc: float, p: float, expected: GapLevel) -> None:
    assert judge_gap(Metric(distance, low, 2.0), Metric(auc + 0.05, auc, 1.0), p) is expected


def test_only_a_large_gap_opens_candidates() -> None:
    assert opened_by(picture_gap()) == OPENED
    assert opened_by(text_gap()) == ()
    assert opened_by(None) == ()
