"""``crosstune models``: the catalogue."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from crosstune.cli.arguments import JsonOption, TaskOption
from crosstune.cli.console import say, say_json, say_table

HereOption = Annotated[
    bool, typer.Option("--here", help="Only those that open on this machine without a network.")
]


def models(task: TaskOption = None, here: HereOption = False, as_json: JsonOption = False) -> None:
    """List pretrained models: size, licence, one public figure, and whether each is here.

    Any other `org/name` of the Hub, `timm:name`, `torchvision:name` or local directory works as well.
    """
    from crosstune import pipeline

    rows = [row for row in pipeline.models(task) if row.here or not here]
    if as_json:
        say_json([asdict(row) for row in rows])
        return
    say_table(("model", "reads", "parameters", "licence", "public figure", "here", "note"), map(_cells, rows))
    say("here: opens on this machine without a network")
    say("public figure: of the original weights on the set it names; --json says where it is published")


def _cells(row: Any) -> tuple[str, ...]:  # noqa: ANN401 - a ModelInfo, whose room is closed to this one
    figure = row.accuracy
    return (
        row.name,
        f"{row.modality}, {row.reads}" if row.reads else row.modality,
        f"{row.parameters / 1e6:.1f} M" if row.parameters else "",
        row.licence,
        f"{figure.value:.1f} {figure.measure}" if figure else "",
        "yes" if row.here else "",
        row.note,
    )
