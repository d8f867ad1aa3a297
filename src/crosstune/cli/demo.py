"""``crosstune demo``: real weights and real images, no network."""

import time
from pathlib import Path
from typing import Annotated

import typer

from crosstune.cli.console import say

DemoOut = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the pictures and the run go.")]


def demo(out: DemoOut = Path("runs/demo")) -> None:
    """Fine-tune on digits that a pip package brings; no network."""
    started = time.monotonic()  # the budget covers the imports too
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    with make_reporter() as reporter:
        run = pipeline.demo(out, reporter=reporter, started=started)
    say(f"run directory: {run.root}")
    say(f"report:        {run.report}")
