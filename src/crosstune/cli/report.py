"""``crosstune report``: the page of a run, made again."""

from crosstune.cli.arguments import RunArgument
from crosstune.cli.console import say


def report(run: RunArgument) -> None:
    """Write the report page of a finished run again."""
    from crosstune import pipeline

    say(pipeline.report(run))
