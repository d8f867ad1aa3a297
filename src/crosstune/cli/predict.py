"""``crosstune predict``: one row out for each row in."""

from pathlib import Path
from typing import Annotated

import typer

from crosstune.cli.arguments import BeamsOption, EngineOption, JsonOption, RunArgument
from crosstune.cli.console import say, say_json, say_rows


def predict(
    run: RunArgument,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            show_default=False,
            help="Pictures, folders of pictures, texts, or a CSV, TSV, JSONL or Parquet file.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write to this .csv, .jsonl or .parquet file."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="FORM",
            help="With --out, of found boxes: coco, yolo or pictures beside it; may be repeated.",
        ),
    ] = None,
    engine: EngineOption = "auto",
    beams: BeamsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Predict with a finished run.

    One row out for each row in; what cannot be read keeps its row, with an error in a column of its own.
    """
    from crosstune import pipeline

    rows = list(pipeline.predict(run, inputs, out=out, engine=engine, beams=beams, also=also or ()))
    if as_json:
        say_json(rows)
    elif out is None:
        say_rows(rows)
    else:
        failed = sum(bool(row.get("error")) for row in rows)
        say(f"{len(rows)} rows, {failed} of them with an error: {out}")
