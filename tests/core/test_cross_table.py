"""The cross table: its cells by name, its metric, and JSON."""

import json
import math
from dataclasses import replace

import pytest

from crosstune.core.cross_table import Cell, CrossTable
from crosstune.core.errors import UnknownName
from crosstune.core.metric import Metric


def cross_table() -> CrossTable:
    cells = [
        Cell(run=run, data=data, split="test", rows=20, set_aside={"empty-text": 1}, between={"seen": None},
             metrics={"pearson": Metric(value, value - 0.1, value + 0.1), "mae": Metric(1.0, 0.9, 1.1)})
        for run, data, value in (("one", "a", 0.9), ("one", "b", 0.5), ("two", "a", 0.25), ("two", "b", 0.75))
    ]  # fmt: skip
    return CrossTable(
        runs=("one", "two"), trained_on={"one": "a.csv", "two": "b.csv"}, sets=("a", "b"), cells=tuple(cells)
    )


def test_cells_metrics_and_json() -> None:
    table = cross_table()
    assert table.cell("two", "a").metrics["pearson"].value == 0.25
    with pytest.raises(KeyError):
        table.cell("two", "c")
    assert (table.metric("one"), table.metric("one", "mae")) == ("pearson", "mae")
    with pytest.raises(UnknownName, match="did you mean `pearson`"):
        table.metric("one", "pearsen")
    assert CrossTable.from_json(json.loads(json.dumps(table.to_json()))) == table


def test_a_figure_that_is_not_defined_is_null() -> None:
    one = cross_table().cells[0]
    undefined = replace(one, metrics={"map-small": Metric(math.nan, math.nan, math.nan)})
    table = replace(cross_table(), cells=(undefined,))
    written = json.dumps(table.to_json(), allow_nan=False)
    again = CrossTable.from_json(json.loads(written)).cells[0]
    assert math.isnan(again.metrics["map-small"].value)
