"""The tables of the regret benchmark: what is written is read back, and a broken line costs itself only."""

from pathlib import Path
from typing import Any

from tests.support.benchmark_scripts import benchmark_script

table = benchmark_script("regret_table")


def row(**changes: Any) -> Any:
    values = {
        "set": "digits", "configuration": "lr=0.1 model=m strategy=full", "metric": "accuracy",
        "validation": 0.5, "test": 0.25, "test_low": 0.125, "test_high": 0.75, "wall_s": 30.0, "cpu_s": 50.0,
        "version": "0.1", "commit": "abc", "date": "2026-01-02",
    }  # fmt: skip
    return table.Row(**{**values, **changes})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "grid.csv"
    assert table.read_rows(path, table.Row) == []
    rows = [row(), row(test=None, error="bad-value", configuration='with "quotes", and commas')]
    for one in rows:
        table.append_row(path, one)
    assert table.read_rows(path, table.Row) == rows


def test_a_line_that_was_broken_off_is_cut_away(tmp_path: Path) -> None:
    path = tmp_path / "grid.csv"
    table.append_row(path, row())
    whole = path.read_bytes()
    table.append_row(path, row(set="mnist"))
    path.write_bytes(path.read_bytes()[:-7])
    assert table.read_rows(path, table.Row) == [row()]
    table.append_row(path, row(set="tweets"))
    assert path.read_bytes().startswith(whole)
    assert [one.set for one in table.read_rows(path, table.Row)] == ["digits", "tweets"]


def test_a_table_broken_in_its_first_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "grid.csv"
    path.write_text("set,conf")
    table.append_row(path, row())
    assert table.read_rows(path, table.Row) == [row()]


def test_seconds_that_others_took_do_not_count() -> None:
    assert row(wall_s=30.0, cpu_s=50.0).seconds == 30.0
    assert row(wall_s=300.0, cpu_s=60.0).seconds == 40.0


def test_processor_seconds_grow_with_work() -> None:
    before = table.cpu_seconds()
    while table.cpu_seconds() <= before:
        sum(range(10_000))
