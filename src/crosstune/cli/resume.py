"""``crosstune resume``: go on with a run that was broken off."""

from typing import Annotated

import typer

from crosstune.cli.arguments import RunArgument
from crosstune.cli.console import say


def resume(
    run: RunArgument,
    epochs: Annotated[
        float | None,
        typer.Option("--epochs", metavar="N", help="Extend a run that has ended to N epochs in all."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="With --epochs: at most so much longer, such as 5m."),
    ] = None,
) -> None:
    """Go on with a run that was broken off: killed, interrupted, out of disk or memory.

    It ends as it would have ended without the break. A run that has ended is left as it is, unless --epochs
    extends it; that needs the checkpoints which `fit --extendable` keeps.
    """
    from crosstune import pipeline
    from crosstune.core.interruption import heeding
    from crosstune.core.processes import launched
    from crosstune.reports.live import make_reporter

    with heeding(), make_reporter() as reporter:
        done = pipeline.resume(run, epochs=epochs, budget=budget, reporter=reporter)
    if launched().leads:
        say(f"run directory: {done.root}")
        say(f"report:        {done.report}")
