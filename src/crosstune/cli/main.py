"""The entry point: every command, by name. Importing it imports no torch."""

from typing import Annotated

import typer

from crosstune.cli import (
    cache,
    chat,
    check,
    demo,
    evaluate,
    fit,
    gap,
    models,
    plan,
    predict,
    rank,
    report,
    resume,
)
from crosstune.cli.console import guarded, say

app = typer.Typer(
    help="Fine-tune pretrained models on labelled data, and measure every choice.",
    epilog="Exit codes: 0 all is well; 2 something you can put right; 1 a bug in crosstune; 130 or 143 after "
    "Ctrl-C or SIGTERM, with the run saved.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

app.command("demo")(guarded(demo.demo))
app.command("check")(guarded(check.check))
app.command("models")(guarded(models.models))
app.command("rank")(guarded(rank.rank))
app.command("plan")(guarded(plan.plan))
app.command("fit", epilog=fit.EPILOG)(guarded(fit.fit))
app.command("resume")(guarded(resume.resume))
app.command("evaluate")(guarded(evaluate.evaluate))
app.command("predict")(guarded(predict.predict))
app.command("chat")(guarded(chat.chat))
app.command("gap")(guarded(gap.gap))
app.command("report")(guarded(report.report))
app.command("cache")(guarded(cache.cache))


def _version(wanted: bool) -> None:
    if wanted:
        from crosstune import __version__

        say(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fine-tune pretrained models on labelled data, and measure every choice."""
