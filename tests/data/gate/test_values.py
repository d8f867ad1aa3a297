"""Outlying targets."""

import numpy as np

from crosstune.data.gate.values import outlier_findings


def test_far_values_are_noted_and_absurd_ones_warned_of() -> None:
    numbers = np.random.default_rng(0).normal(3.0, 1.0, 200).tolist()
    names = [f"row {row}" for row in range(202)]
    assert outlier_findings({"all": numbers}, {"all": names[:200]}) == []
    (note,) = outlier_findings({"all": [*numbers, 15.0]}, {"all": names[:201]})
    assert (note.severity, note.items) == ("note", ("row 200 (15)",))
    (warning,) = outlier_findings({"all": [*numbers, 15.0, "-999"]}, {"all": names})
    assert (warning.severity, warning.items) == ("warning", ("row 201 (-999)", "row 200 (15)"))


def test_mostly_equal_values_and_no_values_say_nothing() -> None:
    assert outlier_findings({"all": [0.0] * 9 + [5.0]}, {"all": ["r"] * 10}) == []
    assert outlier_findings({"all": [None]}, {"all": ["r"]}) == []
