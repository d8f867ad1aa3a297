"""The depth curve shows each block where it stands, and the best one by the metric's direction."""

import math

from crosstune.core.metric import Metric
from crosstune.reports.depth import depth_curve

POINTS = (
    ("stem", Metric(0.5, 0.4, 0.6)),
    ("block 1", Metric(0.9, 0.8, 0.95)),
    ("tail", Metric(0.7, 0.6, 0.8)),
)


def test_the_best_block_is_ringed_and_named_beside_the_last() -> None:
    panel = depth_curve(POINTS, "Accuracy", higher=True)
    assert panel
    assert panel.note == ("Best: block 1, 0.900 (ringed); at the end, tail: 0.700. The band is the interval.")
    assert 'class="best" cx="181"' in panel.picture  # the middle of 42 to 320
    assert "block 1: 0.900 (0.800 to 0.950)</title>" in panel.picture
    assert [f">{name}<" in panel.picture for name, _ in POINTS] == [True] * 3


def test_lower_is_better_rings_the_lowest() -> None:
    panel = depth_curve(POINTS, "Log loss", higher=False)
    assert panel
    assert panel.note.startswith("Best: stem, 0.500 (ringed); at the end, tail")


def test_undefined_blocks_are_left_out_and_all_undefined_is_no_curve() -> None:
    nan = Metric(math.nan, math.nan, math.nan)
    panel = depth_curve((("a", nan), *POINTS), "Accuracy", higher=True)
    assert panel
    assert panel.picture.count("<circle") == 4  # three blocks and the ring
    assert "nan" not in panel.picture
    assert depth_curve((("a", nan),), "Accuracy", higher=True) is None
    assert depth_curve((), "Accuracy", higher=True) is None


def test_one_block_is_drawn() -> None:
    panel = depth_curve(POINTS[:1], "Accuracy", higher=True)
    assert panel
    assert panel.note == "Best: stem, 0.500 (ringed). The band is the interval."
