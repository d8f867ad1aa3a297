"""The regret benchmark's slices: rows are never run twice, and what is left is told."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.benchmark_scripts import benchmark_script

regret = benchmark_script("regret")
grid = benchmark_script("regret_grid")
sets = benchmark_script("regret_sets")
table = benchmark_script("regret_table")

QUICK = [(sets.QUICK, keywords) for keywords in grid.quick_configurations()]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def run_one(one: Any, keywords: dict[str, Any], folder: Path) -> Any:
        assert folder.is_dir()
        names.append(grid.written(keywords))
        return table.Row(
            set=one.name, configuration=names[-1], metric="accuracy", validation=0.5, test=0.5, test_low=0.4,
            test_high=0.6, wall_s=10.0, cpu_s=20.0, version="0", commit="", date="2026-01-02",
        )  # fmt: skip

    monkeypatch.setattr(regret, "run_one", run_one)
    return names


def test_slices_go_on_where_the_last_one_ended(tmp_path: Path, ran: list[str]) -> None:
    path = tmp_path / "grid.csv"
    assert regret.carry_out(QUICK, path, seconds=0.0, limit=None) == 0
    assert regret.carry_out(QUICK, path, seconds=None, limit=1) == 1
    part = regret.grid_figures(QUICK, path)
    assert (part["finished"], part["seconds_spent"], part["failed"]) == (1, 10.0, [])
    assert part["hours_in_all"] > 10 / 3600
    assert regret.carry_out(QUICK, path, seconds=60.0, limit=None) == len(QUICK) - 1
    assert regret.carry_out(QUICK, path, seconds=None, limit=None) == 0
    assert ran == [grid.written(keywords) for _, keywords in QUICK]
    assert regret.grid_figures(QUICK, path)["hours_in_all"] == pytest.approx(10 * len(QUICK) / 3600)


def test_models_that_are_not_here_are_left_out_and_named() -> None:
    work, missing = regret.whole_grid(["tweets"], {grid.MINILM})
    assert missing == {grid.SMOLLM}
    assert {keywords["model"] for _, keywords in work} == {grid.MINILM}
    assert len(work) >= 24


def test_options_are_read() -> None:
    asked = regret.parse(["--only", "digits", "--only", "tweets", "--limit", "3", "--seconds", "240"])
    assert (asked.only, asked.limit, asked.seconds, asked.judge) == (["digits", "tweets"], 3, 240.0, False)
    with pytest.raises(SystemExit):
        regret.parse(["--only", "no-such-set"])
