"""The cross table for a terminal, as Markdown and as CSV."""

import csv
import io

import pytest

from crosstune.core.errors import UnknownName
from crosstune.reports.cross import cross_csv, cross_lines, cross_markdown
from tests.core.test_cross_table import cross_table


def test_rows_say_what_was_trained_on_and_columns_what_was_tested_on() -> None:
    heads, rows = cross_lines(cross_table())
    assert heads == ["trained on", "metric", "a", "b"]
    assert rows[0] == ["one (a.csv)", "pearson", "0.900 (0.800 to 1.000)", "0.500 (0.400 to 0.600)"]
    assert cross_lines(cross_table(), "mae")[1][1][1:3] == ["mae", "1.000 (0.900 to 1.100)"]
    with pytest.raises(UnknownName, match="accuracy"):
        cross_lines(cross_table(), "accuracy")


def test_markdown_and_csv() -> None:
    lines = cross_markdown(cross_table()).splitlines()
    assert [line.count("|") for line in lines] == [5, 5, 5, 5]
    assert set(lines[1]) == set("| -")
    rows = list(csv.DictReader(io.StringIO(cross_csv(cross_table()))))
    assert len(rows) == 4 * 2
    assert {row["tested_on"] for row in rows} == {"a", "b"}
    assert rows[0] == {
        "run": "one", "trained_on": "a.csv", "tested_on": "a", "split": "test", "rows": "20",
        "metric": "pearson", "value": "0.9", "low": "0.8", "high": "1.0",
    }  # fmt: skip
