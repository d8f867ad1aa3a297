"""``crosstune resume``: go on with a run that was broken off."""

from crosstune.cli.arguments import RunArgument
from crosstune.cli.console import say


def resume(run: RunArgument) -> None:
    """Go on with a run that was broken off: killed, interrupted, out of disk or memory.

    It ends as it would have ended without the break. A run that has ended is left as it is.
    """
    from crosstune import pipeline
    from crosstune.core.interruption import heeding
    from crosstune.reports.live import make_reporter

    with heeding(), make_reporter() as reporter:
        done = pipeline.resume(run, reporter=reporter)
    say(f"run directory: {done.root}")
    say(f"report:        {done.report}")
