"""How far is ``crosstune fit`` from the best that could have been chosen? The grid, and the judging by it.

    benchmarks/regret.py [--only SET] [--limit N] [--seconds S]     another slice of the grid
    benchmarks/regret.py --judge [--only SET]                       fit, rank and plan held against it
    benchmarks/regret.py --list                                     what is done, what is left, how long
    benchmarks/regret.py --quick                                    a tiny grid on digits

Eight real sets, at least 24 configurations each (models x cuts x rates, and closed-form heads), every one
trained to the end without a budget. The best test figure of a set is its oracle. A finished configuration
is a row of ``regret_grid.csv``, which is kept: it is never run twice, and a kill costs one configuration.
Frozen work is shared between configurations, so what the grid takes is less than its parts alone would.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from crosstune.sources.registry import catalogue

from common import DATA, Benchmark
from regret_grid import (
    Work,
    configurations,
    estimated_seconds,
    in_order,
    quick_configurations,
    run_one,
    written,
)
from regret_judge import judge, oracles
from regret_sets import QUICK, SETS
from regret_table import GRID, Row, append_row, read_rows


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--quick", action="store_true", help="a tiny grid on digits, under a minute")
    parser.add_argument("--judge", action="store_true", help="hold fit and rank against the grid as it is")
    parser.add_argument("--list", action="store_true", help="show what is done and what is left")
    parser.add_argument("--only", choices=sorted(SETS), action="append", help="this set (may be repeated)")
    parser.add_argument("--limit", type=int, help="at most so many configurations, or sets to judge")
    parser.add_argument("--seconds", type=float, help="begin nothing after so many seconds")
    return parser.parse_args(arguments)


def here() -> set[str]:
    """Give the models that can be opened on this machine."""
    return {info.name for info in catalogue() if info.here}


def whole_grid(names: Iterable[str], models: set[str]) -> tuple[Work, set[str]]:
    """Give the work of some sets in order, and the models that are not here and so left out."""
    work = in_order([SETS[name] for name in names], configurations)
    missing = {keywords["model"] for _, keywords in work} - models
    return [pair for pair in work if pair[1]["model"] in models], missing


def left_of(work: Work, table: Path) -> Work:
    """Leave out what has a row."""
    done = {(row.set, row.configuration) for row in read_rows(table, Row)}
    return [pair for pair in work if (pair[0].name, written(pair[1])) not in done]


def carry_out(work: Work, table: Path, *, seconds: float | None, limit: int | None) -> int:
    """Run what is left, one row each; returns how many were run. Nothing is begun after ``seconds``."""
    started, done = time.perf_counter(), 0
    for one, keywords in left_of(work, table)[:limit]:
        if seconds is not None and time.perf_counter() - started >= seconds:
            break
        with tempfile.TemporaryDirectory(prefix="crosstune-regret-") as folder:
            row = run_one(one, keywords, Path(folder))
        append_row(table, row)
        done += 1
        figure = row.error or f"{row.metric} {row.validation} on validation, {row.test} on test"
        print(f"{one.name}: {row.configuration}\n  {figure}, {row.wall_s} s, {row.cpu_s} cpu s", flush=True)
    return done


def grid_figures(work: Work, table: Path) -> dict[str, object]:
    """Say how far the grid is, and how long all of it takes if the rest keeps to its estimates so far."""
    names = {(one.name, written(keywords)): (one, keywords) for one, keywords in work}
    rows = [row for row in read_rows(table, Row) if (row.set, row.configuration) in names]
    spent = sum(row.seconds for row in rows)
    expected = sum(estimated_seconds(*names[row.set, row.configuration]) for row in rows)
    rest = sum(estimated_seconds(*pair) for pair in left_of(work, table))
    factor = spent / expected if expected else 1.0
    return {
        "configurations": len(work),
        "finished": len(rows),
        "failed": sorted(f"{row.set}: {row.configuration}: {row.error}" for row in rows if row.error),
        "seconds_spent": spent,
        "cpu_seconds_spent": sum(row.cpu_s for row in rows),
        "measured_over_estimated": factor,
        "hours_in_all": (spent + factor * rest) / 3600,
        "oracles": oracles(rows),
    }


def quick(benchmark: Benchmark) -> None:
    """Run the tiny grid into a table of its own, twice: the second time nothing is left."""
    work = in_order([QUICK], lambda _: quick_configurations())
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "grid.csv"
        first = carry_out(work, table, seconds=None, limit=1)
        rest = carry_out(work, table, seconds=None, limit=None)
        again = carry_out(work, table, seconds=None, limit=None)
        figures = grid_figures(work, table)
        every = all(row.test is not None and row.test > 0.3 for row in read_rows(table, Row))
    targets = {
        "every configuration has a row": first + rest == len(work) == figures["finished"],
        "nothing is run twice": again == 0,
        "every configuration learns": every,
    }
    benchmark.finish(figures=figures, targets=targets)


def main() -> None:
    """Read the command line and do one of the four things."""
    asked = parse()
    os.environ.setdefault("CROSSTUNE_CACHE", str(DATA / "regret" / "cache"))
    os.environ.setdefault("CROSSTUNE_CACHE_SIZE", "10GB")
    benchmark = Benchmark("regret", __doc__, ["--quick"] if asked.quick else [])
    if asked.quick:
        quick(benchmark)
    models = here()
    work, missing = whole_grid(asked.only or list(SETS), models)
    for model in sorted(missing):
        print(f"note: {model} cannot be opened here; its configurations are left out", flush=True)
    if asked.judge:
        figures, targets = judge(work, read_rows(GRID, Row), limit=asked.limit, seconds=asked.seconds)
        benchmark.finish(figures=figures, targets=targets)
    if asked.list:
        for one, keywords in left_of(work, GRID):
            print(f"{one.name:14} {estimated_seconds(one, keywords):6.0f} s  {written(keywords)}")
    else:
        carry_out(work, GRID, seconds=asked.seconds, limit=asked.limit)
    figures = grid_figures(work, GRID)
    benchmark.finish(figures=figures, targets={"no configuration failed": not figures["failed"]})


if __name__ == "__main__":
    main()
