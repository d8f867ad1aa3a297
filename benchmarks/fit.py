"""``crosstune fit`` as a stranger types it, on real data within a budget: the figure and the seconds.

Each set is fitted by the command line in a process of its own, with an empty cache, without any option but
the target and the budget. Seconds are those of the whole process, imports and report included; the budget
may be exceeded by the start of Python, which the command does not see, but by no more than 30 s.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crosstune.core.files import read_json
from crosstune.core.units import parse_duration

from common import Benchmark, data_folder

SETS = {
    "tweets-5m": ("sentiment/tweets", ["--target", "rating"], "5m", "pearson", 0.91),
    "fashion-3m": ("fashion-mnist", [], "3m", "accuracy", 0.92),
    "fashion-15m": ("fashion-mnist", [], "15m", "accuracy", 0.93),
}
"""Data, options, budget, metric, target. A leading AutoML tool reached 0.886 on the tweets in 339 s."""


def fit(data: Path, options: list[str], budget: str, folder: Path) -> tuple[float, dict, dict]:
    """Run the command; returns (seconds, metrics.json, summary.json)."""
    out = folder / "run"
    environment = {**os.environ, "CROSSTUNE_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "crosstune", "fit", str(data), *options, "--budget", budget]
    started = time.perf_counter()
    subprocess.run([*command, "--out", str(out)], check=True, env=environment)
    return time.perf_counter() - started, read_json(out / "metrics.json"), read_json(out / "summary.json")


def main() -> None:
    """Fit every set, or the first with a short budget under ``--quick``."""
    only = [argument for argument in sys.argv[1:] if argument in SETS]
    benchmark = Benchmark("fit", __doc__, [argument for argument in sys.argv[1:] if argument not in SETS])
    figures: dict[str, object] = {}
    targets: dict[str, bool] = {}
    for name in only or (["tweets-5m"] if benchmark.quick else list(SETS)):
        place, options, budget, metric, target = SETS[name]
        if benchmark.quick:
            budget, target = "60s", 0.75
        parent, _, child = place.partition("/")
        with tempfile.TemporaryDirectory() as folder:
            seconds, found, summary = fit(data_folder(parent) / child, options, budget, Path(folder))
        figures[name] = {
            metric: found["test"][metric],
            "seconds": seconds,
            "shipped": summary["shipped"],
            "stages": found["seconds"],
            "candidates": {key: value["value"] for key, value in summary["candidates"].items()},
        }
        targets[f"{name}: {metric} >= {target}"] = found["test"][metric]["value"] >= target
        targets[f"{name}: inside the budget"] = seconds <= (parse_duration(budget) or 0.0)
    benchmark.finish(figures=figures, targets=targets)


if __name__ == "__main__":
    main()
