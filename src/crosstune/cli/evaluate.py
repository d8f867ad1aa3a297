"""``crosstune evaluate``: metrics with intervals on other data."""

from pathlib import Path
from typing import Annotated

import typer

from crosstune.cli.arguments import (
    DataArgument,
    EngineOption,
    JsonOption,
    MaxBadOption,
    RunArgument,
    TargetOption,
)
from crosstune.cli.console import say, say_json, say_table


def evaluate(
    run: RunArgument,
    data: DataArgument,
    target: TargetOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the metrics to this JSON file too.")
    ] = None,
    engine: EngineOption = "auto",
    max_bad: MaxBadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a finished run on DATA, with intervals.

    How many labelled rows were set aside is said on standard error, and stands in the file of --out.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    with make_reporter() as reporter:
        metrics = pipeline.evaluate(
            run, data, target=target, out=out, engine=engine, max_bad=max_bad, reporter=reporter
        )
    if as_json:
        say_json({name: metric.to_json() for name, metric in metrics.items()})
        return
    figures = [
        (name, f"{row.value:.4f}", f"{row.low:.4f}", f"{row.high:.4f}") for name, row in metrics.items()
    ]
    say_table(("metric", "value", "low", "high"), figures)
    if out is not None:
        say(f"metrics: {out}")
