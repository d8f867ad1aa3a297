"""The sweep has a line for each model and what moves, over the logarithm of the rate."""

import math
import re
from dataclasses import replace

from crosstune.core.metric import Metric
from crosstune.core.trial import TrialRow
from crosstune.reports.sweep import sweep

HALF = Metric(0.8, 0.7, 0.9)
FIRST = TrialRow(round=1, model="a", moves="lp-ft", lr=1e-4, metric=HALF, loss=0.5, epochs=1.0, seconds=10.0)


def test_equal_factors_are_equally_far_and_the_line_follows_the_rate() -> None:
    rows = [replace(FIRST, lr=lr) for lr in (1e-2, 1e-4, 1e-3)]
    panel = sweep(rows, "Accuracy")
    assert panel
    left, middle, right = sorted(
        float(x) for x in re.findall(r'<circle class="point s0" cx="([\d.]+)"', panel.picture)
    )
    assert math.isclose(middle - left, right - middle, abs_tol=0.02)
    line = re.search(r'class="line[^"]* s0" d="([^"]+)"', panel.picture)
    assert line
    assert [float(x) for x in re.findall(r"[ML]([\d.]+) ", line[1])] == sorted(
        [round(x, 1) for x in (left, middle, right)]
    )
    assert [f">{rate}<" in panel.picture for rate in ("0.0001", "0.001", "0.01")] == [True] * 3


def test_later_rounds_are_squares_and_the_one_that_was_taken_is_ringed() -> None:
    again = replace(FIRST, round=2, chosen=True, metric=Metric(0.85, 0.8, 0.9))
    panel = sweep([FIRST, replace(FIRST, lr=3e-4), again], "Accuracy")
    assert panel
    assert panel.picture.count("<rect") == 1
    assert panel.picture.count('class="best"') == 1
    assert "a, lp-ft, rate 0.0001, round 2: 0.850 (0.800 to 0.900)</title></rect>" in panel.picture
    assert panel.note == (
        "Upright lines are the intervals; squares: tried again for longer; "
        "ringed: taken for the last training."
    )
    plain = sweep([FIRST], "Accuracy")
    assert plain
    assert plain.note == "Upright lines are the intervals."


def test_the_legend_names_models_only_where_they_differ() -> None:
    suffix = replace(FIRST, moves="last 3 blocks")
    one, two = sweep([FIRST, suffix], "Accuracy"), sweep([FIRST, replace(suffix, model="b")], "Accuracy")
    assert one
    assert two
    assert one.legend == ((0, "lp-ft"), (1, "last 3 blocks"))
    assert two.legend == ((0, "a, lp-ft"), (1, "b, last 3 blocks"))


def test_lines_at_one_rate_stand_side_by_side() -> None:
    panel = sweep([FIRST, replace(FIRST, model="b")], "Accuracy")
    assert panel
    at = [float(x) for x in re.findall(r'<circle class="point s\d" cx="([\d.]+)"', panel.picture)]
    assert math.isclose(at[1] - at[0], 5.0, abs_tol=0.02)


def test_what_has_no_figure_or_no_rate_is_not_drawn() -> None:
    undefined = replace(FIRST, metric=Metric(math.nan, math.nan, math.nan))
    assert sweep([undefined, replace(FIRST, lr=0.0), replace(FIRST, lr=math.nan)], "Accuracy") is None
    panel = sweep([undefined, FIRST], "Accuracy")
    assert panel
    assert panel.picture.count("<circle") == 1
