"""Figures as people read them."""

import math

import pytest

from crosstune.core.metric import Metric
from crosstune.reports.figures import count, decimals, duration, figure, interval, setting, share

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.9841, 3, "0.984"),
        (-1.5, 2, f"{MINUS}1.50"),
        (0.0, 3, "0.000"),
        (-0.0, 3, "0.000"),
        (0.00012, 3, "0.00012"),
        (12345.678, 1, "12,345.7"),
        (2.3e8, 3, "2.3e+08"),
        (math.nan, 3, "not defined"),
        (math.inf, 3, "not defined"),
    ],
)
def test_figure(value: float, digits: int, text: str) -> None:
    assert figure(value, digits) == text


def test_digits_follow_the_width_of_the_interval() -> None:
    assert decimals([Metric(0.9, 0.88, 0.92)]) == 3
    assert decimals([Metric(0.9, 0.8999, 0.9001)]) == 5
    assert decimals([Metric(0.9, 0.88, 0.92), Metric(0.1, 0.0999, 0.1001)]) == 3
    assert decimals([Metric(5210.0, 5100.0, 5300.0)]) == 0
    assert decimals([Metric(math.nan, math.nan, math.nan)]) == 3
    assert decimals([Metric(1.0, 1.0, 1.0)]) == 3


def test_intervals_counts_shares_durations_settings() -> None:
    assert interval(Metric(0.5, 0.25, 0.75), 2) == "0.25 to 0.75"
    assert interval(Metric(0.5, math.nan, 1.0)) == "not defined"
    assert count(60000) == "60,000"
    assert [share(1, 3), share(1, 3000), share(0, 5), share(5, 5)] == ["33 %", "0.1 %", "0 %", "100 %"]
    assert [duration(600), duration(7200), duration(185), duration(4.25)] == [
        "10 min",
        "2 h",
        "3 min 05 s",
        "4.2 s",
    ]
    assert [setting(value) for value in (None, True, 3e-4, 5.0, [1, "a"], {"a": 1}, "x")] == [
        "none", "yes", "0.0003", "5", "1, a", '{"a": 1}', "x",
    ]  # fmt: skip
