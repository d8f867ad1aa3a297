"""``crosstune chat``: a conversation with a model that was tuned to answer."""

import sys
from contextlib import suppress
from importlib import import_module
from typing import Annotated

import typer

from crosstune.cli.arguments import RunArgument
from crosstune.cli.console import say
from crosstune.core.conversation import FRESH
from crosstune.core.errors import BadValue

PROMPT = "> "
EXIT = "/exit"
INTERRUPTED = 130


def chat(
    run: RunArgument,
    system: Annotated[
        str | None,
        typer.Option("--system", metavar="TEXT", help="What the model is told before all else."),
    ] = None,
) -> None:
    r"""Talk to a model that was tuned to answer: a line in, an answer out.

    The model reads the whole conversation. /new begins another one; /exit, the end of the input, or Ctrl-C
    ends. From a pipe, each line that is not blank gets one line: line breaks within an answer are written
    as \n.
    """
    try:
        _talk(run, system)
    except KeyboardInterrupt:
        typer.echo(err=True)  # the prompt's line
        raise typer.Exit(INTERRUPTED) from None


def _talk(run: RunArgument, system: str | None) -> None:
    from crosstune import pipeline

    talk, by_hand = pipeline.chat(run, system=system), sys.stdin.isatty()
    if by_hand:
        with suppress(ImportError):  # not on every system
            import_module("readline")  # without it arrow keys are part of what is said
        say(f"{FRESH} begins another conversation, {EXIT} ends")
    while (line := _line(by_hand)) is not None and line.strip() != EXIT:
        if line.strip() == FRESH:
            talk.begin_again()
            if by_hand:
                say("another conversation begins")
        elif line.strip():
            reply = talk.answer(line)
            if reply.problem:
                typer.echo(reply.problem, err=True)
            if not by_hand:
                say(reply.text.replace("\n", "\\n"))
            elif not reply.problem:
                say(reply.text)


def _line(by_hand: bool) -> str | None:
    """Read a line, asking for it where a person types; ``None`` at the end."""
    try:
        line = input(PROMPT if by_hand else "")
        line.encode()  # in some locales bytes that are no text are let through as halves of characters
        return line
    except EOFError:
        if by_hand:
            typer.echo()  # the prompt's line
        return None
    except UnicodeError as error:
        raise BadValue(
            "what is said is not text",
            found=f"bytes that are not {sys.stdin.encoding} on standard input",
            expected="lines of text",
            fix="write UTF-8, in a locale of UTF-8 (such as LC_ALL=C.UTF-8)",
        ) from error
