"""The benchmark of forgetting: rows survive their file, and half of a drop is half of a drop."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.benchmark_scripts import benchmark_script

script = benchmark_script("forgetting")
LINE = json.dumps([[0.0, 0.8, 1.0], [0.5, 0.9, 0.95], [1.0, 0.9, 0.8]])


def row(method: str, value: float, kept: float, **more: Any) -> dict[str, Any]:
    found = dict.fromkeys(script.NAMES, 0.0) | dict.fromkeys(script.WORDS, "")
    found |= {"set": "toys", "method": method, "metric": "accuracy", "value": value, "kept": kept}
    found |= {"low": value - 0.02, "high": value + 0.02, "line": LINE, "divergence": None, "probes": "{}"}
    return found | more


ROWS = [
    row("full", 0.91, 0.7),
    row("lora", 0.9, 0.85, divergence=0.25),
    row("lp-ft", 0.9, 0.8),
    row("interpolated", 0.896, 0.91, alpha=0.6),
]


def test_rows_are_read_as_they_were_kept(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    assert script.read_rows(file) == []
    for one in ROWS:
        script.keep(file, one)
    assert script.read_rows(file) == ROWS


def test_the_share_brings_back_half_of_what_the_end_lost() -> None:
    assert script.sought_share(ROWS) == pytest.approx(0.9)
    better = json.dumps([[1.0, 0.9, 1.02]])
    assert script.sought_share([row("lp-ft", 0.9, 1.02, line=better)]) == 1.0


@pytest.mark.parametrize(
    ("value", "kept", "holds"), [(0.896, 0.91, True), (0.894, 0.91, False), (0.896, 0.89, False)]
)
def test_both_conditions_must_hold(value: float, kept: float, holds: bool) -> None:
    found = script.judge([ROWS[2], row("interpolated", value, kept)])
    assert found["holds"] is holds
    assert found["recovered"] == pytest.approx((kept - 0.8) / 0.2)
    assert found["cost"] == pytest.approx(0.9 - value)


def test_where_nothing_was_lost_nothing_is_recovered() -> None:
    found = script.judge([row("lp-ft", 0.9, 1.0), row("interpolated", 0.9, 1.0)])
    assert (found["recovered"], found["holds"]) == (None, False)


def test_table_and_figure_hold_every_row() -> None:
    table = script.table(ROWS)
    assert table.count("\n") == 5
    assert "accuracy 0.896 (0.876 to 0.916)" in table
    assert "| 0.250 | 0 |" in table
    picture = ET.fromstring(str(script.figure(ROWS)))  # noqa: S314 - our own
    text = "".join(picture.itertext())
    for method in script.METHODS:
        assert method in text
