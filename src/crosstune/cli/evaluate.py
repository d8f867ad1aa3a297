"""``crosstune evaluate``: metrics with intervals on other data, one set or a table of several."""

from pathlib import Path
from typing import Annotated, Any

import typer

from crosstune.cli.arguments import (
    BeamsOption,
    EngineOption,
    JsonOption,
    MaxBadOption,
    RunArgument,
    TargetOption,
)
from crosstune.cli.console import say, say_json, say_table

TABLE = "cross-table.json"
"""Where a table is saved, in the directory of the first run, unless ``--out`` names a file."""


def evaluate(
    run: RunArgument,
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...",
            show_default=False,
            help="Labelled data, as for `fit`; several sets make a table.",
        ),
    ],
    more: Annotated[
        list[Path] | None,
        typer.Option("--run", metavar="RUN", help="Another run, for a table; may be repeated."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", metavar="NAME", help="Of the table.  [default: the primary one]"),
    ] = None,
    target: TargetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the metrics to this JSON file too; a table also to .csv or .md.",
        ),
    ] = None,
    engine: EngineOption = "auto",
    max_bad: MaxBadOption = None,
    beams: BeamsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure a finished run on DATA, with intervals.

    Several sets, or several runs (--run), make one table: rows say what was trained on, columns what was
    tested on. It is saved in the first run's directory, or as --out.

    How many labelled rows were set aside is said on standard error, and stands in the file of --out.
    """
    if more or len(data) > 1 or metric:
        how: dict[str, Any] = {"target": target, "engine": engine, "max_bad": max_bad, "beams": beams}
        _table([run, *(more or ())], data, metric, out or run / TABLE, how, as_json=as_json)
        return
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    with make_reporter() as reporter:
        metrics = pipeline.evaluate(
            run, data[0], target=target, out=out, engine=engine, max_bad=max_bad, beams=beams,
            reporter=reporter,
        )  # fmt: skip
    if as_json:
        say_json({name: metric.to_json() for name, metric in metrics.items()})
        return
    figures = [
        (name, f"{row.value:.4f}", f"{row.low:.4f}", f"{row.high:.4f}") for name, row in metrics.items()
    ]
    say_table(("metric", "value", "low", "high"), figures)
    if out is not None:
        say(f"metrics: {out}")


def _table(
    runs: list[Path], data: list[str], metric: str | None, out: Path, how: dict[str, Any], *, as_json: bool
) -> None:  # fmt: skip
    """Measure, print and save a table."""
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    with make_reporter() as reporter:
        found = pipeline.cross_evaluate(
            {str(run): run for run in runs}, {name: name for name in data},
            metric=metric, out=out, reporter=reporter, **how,
        )  # fmt: skip
    if as_json:
        say_json(found.to_json())
        return
    say_table(*pipeline.table_lines(found, metric))
    say(f"table: {out}")
