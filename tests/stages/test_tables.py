"""Rows written to a file read back as the same rows, in order, whatever the suffix."""

import csv
import json
from pathlib import Path

import pytest
from pyarrow import parquet

from crosstune.core.errors import BadValue
from crosstune.stages.tables import write_rows

ROWS = [
    {"origin": "a.png", "label": "cat", "score": 0.75, "error": None},
    {"origin": "b.png", "error": "cannot be read"},
    {"origin": "=1+1", "label": 'a "b", c\nd', "score": -0.5, "error": None},
]


def test_csv_keeps_rows_aligned_and_runs_no_formula(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["origin"] for row in rows] == ["a.png", "b.png", "'=1+1"]
    assert [row["score"] for row in rows] == ["0.75", "", "-0.5"]
    assert rows[2]["label"] == 'a "b", c\nd'


def test_jsonl_and_parquet_read_back_equal(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "rows.jsonl")
    lines = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    write_rows(ROWS, tmp_path / "rows.parquet")
    columns = ("origin", "label", "score", "error")
    expected = [{column: row.get(column) for column in columns} for row in ROWS]
    assert parquet.read_table(tmp_path / "rows.parquet").to_pylist() == expected


def test_an_unknown_suffix_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"\.csv, \.jsonl or \.parquet"):
        write_rows(ROWS, tmp_path / "rows.xlsx")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(ROWS[:1], path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_rows([{"score": float("nan")}], path)
    assert json.loads(path.read_text(encoding="utf-8")) == ROWS[0]
    assert [other.name for other in tmp_path.iterdir()] == ["rows.jsonl"]
