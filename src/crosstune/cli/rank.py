"""``crosstune rank``: which pretrained model, measured on the data."""

from typing import Annotated

import typer

from crosstune.cli.arguments import (
    DataArgument,
    GroupOption,
    InputsOption,
    JsonOption,
    ModelsOption,
    SetsOption,
    TargetOption,
    TaskOption,
)
from crosstune.cli.console import say, say_json, say_table


def rank(
    data: DataArgument,
    target: TargetOption = None,
    inputs: InputsOption = None,
    group: GroupOption = None,
    task: TaskOption = None,
    models: ModelsOption = None,
    rows: Annotated[
        int | None,
        typer.Option("--rows", metavar="N", help="Rows (pixels, boxes) to measure on.  [default: 2000]"),
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIME", help="For the comparison: 90s, 10m or none.")
    ] = "none",
    sets: SetsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare pretrained models on a sample of DATA; trains nothing.

    The score is the metric of the task, of answers for rows that were left out: the mean of ridge regression
    and nearest neighbours on frozen features. For masks and boxes rows are pixels and boxes, and the score is
    their macro F1. Models marked with a star cannot be told from the best.
    """
    from crosstune import pipeline
    from crosstune.core.interruption import heeding
    from crosstune.options import fit_options
    from crosstune.reports.live import make_reporter

    texts = {"data": data, "target": target, "group": group, "task": task, "budget": budget}
    lists = {"inputs": inputs, "models": models, "rank_rows": rows}
    given = {name: value for name, value in {**texts, **lists}.items() if value}
    options = fit_options(given, sets=sets or ())
    with heeding(), make_reporter() as reporter:
        found = pipeline.rank(options, reporter=reporter)
    if as_json:
        say_json([row.to_json() for row in found])
        return
    names = list(dict.fromkeys(name for row in found for name in row.beside if name.endswith("@head")))
    figure = found[0].figure if found else "score"
    say_table(
        ("", "model", figure, "95 % interval", "ridge", "neighbours", "a second", "public",
         *(name.removesuffix("@head") for name in names)),
        (
            (
                "*" if row.shortlisted else "", row.label, f"{row.score.value:.4f}",
                f"{row.score.low:.4f} to {row.score.high:.4f}", f"{row.ridge.value:.4f}",
                f"{row.neighbours.value:.4f}", f"{row.rate:.0f}",
                "" if row.accuracy is None else f"{row.accuracy:.1f}",
                *(f"{row.beside[name].value:.3g}" if name in row.beside else "" for name in names),
            )
            for row in found
        ),
    )  # fmt: skip
    if found:
        say(f"measured on {found[0].examples:,} {found[0].rows_are}; * cannot be told from the best")
