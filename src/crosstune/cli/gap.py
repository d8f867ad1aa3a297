"""``crosstune gap``: how far two sets lie apart, and what gives them away."""

from pathlib import Path
from typing import Annotated

import typer

from crosstune.cli.arguments import GroupOption, InputsOption, JsonOption, ModelOption, TargetOption
from crosstune.cli.console import say, say_json, say_table

SetArgument = Annotated[
    str,
    typer.Argument(
        show_default=False,
        help="Anything that `fit` reads, with labels or without them, or a folder of pictures.",
    ),
]


def gap(
    first: SetArgument,
    second: SetArgument,
    model: ModelOption = None,
    target: TargetOption = None,
    inputs: InputsOption = None,
    group: GroupOption = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=20, help="Rows of each set, at most, drawn by a seed.")
    ] = 2_000,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="A new folder for gap.json and gap.html.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far two sets lie apart on a model's features, and which simple property differs most.

    Distances explain; how much a model loses from one set to the other only labels can say.
    """
    from crosstune import pipeline
    from crosstune.core.interruption import heeding
    from crosstune.reports.live import make_reporter

    with heeding(), make_reporter() as reporter:
        found = pipeline.gap(
            first, second, model=model or "auto", target=target, inputs=tuple(inputs or ()), group=group,
            rows=rows, out=out, reporter=reporter,
        )  # fmt: skip
    if as_json:
        say_json(found.to_json())
        return
    words, measures = pipeline.describe_gap(found)
    say(words)
    say_table(("measure", "value", "beside it"), measures)
    for note in found.notes:
        say(f"note: {note}")
    if out is not None:
        say(f"page: {out / 'gap.html'}")
