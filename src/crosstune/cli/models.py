"""``crosstune models``: the catalogue."""

from dataclasses import asdict

from crosstune.cli.arguments import JsonOption, TaskOption
from crosstune.cli.console import say, say_json, say_table


def models(task: TaskOption = None, as_json: JsonOption = False) -> None:
    """List the pretrained models that can be used.

    Any other `org/name` of the Hub, `timm:name`, `torchvision:name` or local directory works as well.
    """
    from crosstune import pipeline

    rows = pipeline.models(task)
    if as_json:
        say_json([asdict(row) for row in rows])
        return
    say_table(
        ("model", "modality", "parameters", "licence", "here", "note"),
        (
            (
                row.name,
                row.modality,
                f"{row.parameters / 1e6:.1f} M",
                row.licence,
                "yes" if row.here else "",
                row.note,
            )
            for row in rows
        ),
    )
    say("here: opens on this machine without a network")
