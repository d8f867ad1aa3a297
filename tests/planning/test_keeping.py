"""Of a made-up curve the right point is picked, whatever the order."""

import math
from dataclasses import dataclass

import pytest

from crosstune.core.plan import Basis
from crosstune.planning.keeping import best_point, decide_alpha


@dataclass(frozen=True)
class Point:
    """One point of a curve."""

    alpha: float
    score: float
    kept: float


CURVE = [
    Point(0.0, 0.80, 1.0), Point(0.3, 0.88, 0.99), Point(0.5, 0.90, 0.96), Point(0.7, 0.90, 0.94),
    Point(0.9, 0.91, 0.85), Point(1.0, 0.89, 0.80),
]  # fmt: skip


@pytest.mark.parametrize(
    ("least", "alpha"),
    [(0.0, 0.9), (0.8, 0.9), (0.9, 0.7), (0.95, 0.5), (0.97, 0.3), (0.995, 0.0), (1.0, 0.0)],
)
def test_the_best_of_those_that_keep_enough(least: float, alpha: float) -> None:
    for points in (CURVE, CURVE[::-1]):
        found = best_point(points, least)
        assert found is not None
        assert found.alpha == alpha


def test_what_was_not_measured_keeps_nothing_and_the_start_everything() -> None:
    unknown = [Point(1.0, 0.9, math.nan), Point(0.0, 0.1, math.nan)]
    found = best_point(unknown, 0.5)
    assert found is not None
    assert found.alpha == 0.0
    assert best_point(unknown[:1], 0.5) is None
    assert best_point(unknown) is unknown[0]
    assert best_point([]) is None


def test_the_decision_names_share_and_evidence() -> None:
    decision = decide_alpha(CURVE[2], 0.95, 6, "the body moves")
    assert (decision.setting, decision.value, decision.basis) == ("alpha", 0.5, Basis.MEASURED)
    assert decision.evidence == ("interpolation/0.5",)
    for words in ("6 points", "at least 0.95", "96.0%", "the body moves"):
        assert words in decision.because
    assert "keeps everything" in decide_alpha(CURVE[0], 0.95, 6, "x").because
