"""How every command prints, and how it ends.

Exit codes: 0 all is well; 2 something that the user can put right (a ``UserError``, a wrong flag, errors
in checked data); 1 a bug in this package, with its traceback; 130 and 143 after SIGINT and SIGTERM, with the
run saved where one was going on.
"""

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import typer

from crosstune.core.errors import UserError
from crosstune.core.interruption import Interrupted

USER_ERROR = 2
WIDE = 1_000
"""Columns of a table that goes to a file or a pipe, where folding would break names in two."""


def harmless(text: object) -> str:
    """Write text from data for a terminal: control characters are escaped, so none is obeyed."""
    kept = "\n\t"
    return "".join(char if char.isprintable() or char in kept else ascii(char)[1:-1] for char in str(text))


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a ``UserError`` into its message on standard error and exit code 2."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        try:
            command(*args, **kwargs)
        except UserError as error:
            say_error(error)
            raise typer.Exit(USER_ERROR) from error
        except Interrupted as signal:
            where = f" {signal.run}" if signal.run else " RUN, if it had begun to write its directory"
            typer.echo(f"{signal}; go on with: crosstune resume{where}", err=True)
            raise typer.Exit(signal.exit_code) from signal

    return run


def say_error(error: UserError) -> None:
    """Print the message of an error to standard error, its first line in red; markup is not obeyed."""
    from rich.console import Console
    from rich.text import Text

    first, _, rest = harmless(error).partition("\n")
    text = Text.assemble((first, "bold red"), "\n", rest)
    Console(stderr=True, soft_wrap=True, highlight=False).print(text)


def say(text: object) -> None:
    """Print one line to standard output."""
    typer.echo(harmless(text))


def say_json(value: Any) -> None:  # noqa: ANN401
    """Print JSON for programs; a non-finite number is a bug, not invalid JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False, default=str))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to standard output; cells are data, so markup in them is not obeyed."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(Text(harmless(column)), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else harmless(cell)) for cell in row))
    terminal = Console(highlight=False)
    terminal.print(table) if terminal.is_terminal else Console(highlight=False, width=WIDE).print(table)


def say_rows(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows as a table; the columns are the keys of all rows in the order they appear."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    say_table(columns, ([_cell(row.get(column)) for column in columns] for row in rows))


def _cell(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value
