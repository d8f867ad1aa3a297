"""Outlying targets."""

import numpy as np

from crosstune.data.gate.values import outlier_findings


def named(rows: np.ndarray) -> list[str]:
    return [f"row {row}" for row in rows.tolist()]


def test_far_values_are_noted_and_absurd_ones_warned_of() -> None:
    numbers = np.random.default_rng(0).normal(3.0, 1.0, 200).tolist()
    assert outlier_findings({"all": numbers}, np.ones(200, np.bool_), named) == []
    (note,) = outlier_findings({"all": [*numbers, 15.0]}, np.ones(201, np.bool_), named)
    assert (note.severity, note.items) == ("note", ("row 200 (15)",))
    (warning,) = outlier_findings({"all": [*numbers, 15.0, "-999"]}, np.ones(202, np.bool_), named)
    assert (warning.severity, warning.items) == ("warning", ("row 201 (-999)", "row 200 (15)"))
    aside = np.arange(202) < 201
    (note,) = outlier_findings({"train": numbers, "test": [15.0, "-999"]}, aside, named)
    assert note.items == ("row 200 (15)",), "rows that are set aside do not count"


def test_mostly_equal_values_and_no_values_say_nothing() -> None:
    assert outlier_findings({"all": [0.0] * 9 + [5.0]}, np.ones(10, np.bool_), named) == []
    assert outlier_findings({"all": [None]}, np.ones(1, np.bool_), named) == []
