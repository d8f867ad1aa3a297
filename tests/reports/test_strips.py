"""Forests and the time bar, against hand-computed positions."""

import math
import re

from crosstune.core.metric import Metric
from crosstune.reports.strips import REST, forest, time_spent


def test_a_forest_sorts_marks_and_places() -> None:
    rows = forest(
        {
            "low": Metric(0.2, 0.1, 0.3),
            "none": Metric(math.nan, math.nan, math.nan),
            "high": Metric(0.8, 0.7, 0.9),
        },
        marked="high",
        ordered="falling",
    )
    assert [bar.name for bar in rows.bars] == ["high", "low", "none"]
    assert [(bar.value, bar.interval) for bar in rows.bars[:2]] == [
        ("0.800", "0.700 to 0.900"),
        ("0.200", "0.100 to 0.300"),
    ]
    assert [bar.marked for bar in rows.bars] == [True, False, False]
    assert 'cx="83.48%"' in rows.bars[0].strip  # the axis runs from 0.1 - 0.048 to 0.9 + 0.048
    assert "circle" not in rows.bars[2].strip


def test_lower_is_better_sorts_the_other_way() -> None:
    rows = forest({"a": Metric(2, 1, 3), "b": Metric(1, 0, 2)}, ordered="rising")
    assert [bar.name for bar in rows.bars] == ["b", "a"]


def test_a_control_does_not_stretch_the_scale_and_an_arrow_says_where_it_lies() -> None:
    rows = forest(
        {"a": Metric(0.8, 0.7, 0.9), "far": Metric(0.2, 0.1, 0.3), "near": Metric(0.75, 0.5, 0.85)},
        controls=("far", "near"),
        notes={"near": "control"},
    )
    measured, far, near = rows.bars
    assert 'cx="50.00%"' in measured.strip  # the axis is that of "a" alone: 0.7 - 0.012 to 0.9 + 0.012
    assert "circle" not in far.strip
    assert 'x="0%"' in far.strip
    assert "←" in far.strip
    assert 'cx="27.68%"' in near.strip
    assert 'class="band" x1="0.00%"' in near.strip
    assert [(bar.control, bar.note) for bar in rows.bars] == [(False, ""), (True, ""), (True, "control")]


def test_controls_alone_have_a_scale_of_their_own() -> None:
    assert "circle" in forest({"a": Metric(0.2, 0.1, 0.3)}, controls=("a",)).bars[0].strip


def test_the_time_bar_is_full_and_the_rest_is_named() -> None:
    picture, slices = time_spent({"read": 1.0, "idle": 0.0, "train": 6.0, "total": 10.0})
    assert [(part.name, part.share) for part in slices] == [
        ("read", "10 %"),
        ("train", "60 %"),
        (REST, "30 %"),
    ]
    widths = [float(width) for width in re.findall(r'width="([\d.]+)%"', picture)]
    assert widths == [10.0, 60.0, 30.0]


def test_a_total_below_the_sum_is_not_believed() -> None:
    _, slices = time_spent({"a": 3.0, "b": 1.0, "total": 2.0})
    assert [part.share for part in slices] == ["75 %", "25 %"]
