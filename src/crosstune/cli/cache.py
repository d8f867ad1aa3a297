"""``crosstune cache``: what lies in the cache, and clearing it."""

from typing import Annotated

import typer

from crosstune.cli.arguments import JsonOption
from crosstune.cli.console import say, say_json, say_table
from crosstune.core.cache_entries import CacheReport, Entry
from crosstune.core.units import format_bytes, format_duration


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove what is in it and not in use.")] = False,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="TIME", help="With --clear: unused for 7d, 12h ..."),
    ] = None,
    down_to: Annotated[
        str | None,
        typer.Option("--down-to", metavar="SIZE", help="With --clear: until 5GB, 500MB ... are left."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the cache: frozen passes, activations, tables.

    Its place is CROSSTUNE_CACHE and its size CROSSTUNE_CACHE_SIZE (such as 20GB, or none). All of it can be
    computed again.
    """
    from crosstune.core.cache_entries import manage

    report = manage(clear=clear, older_than=older_than, down_to=down_to)
    if as_json:
        say_json(report.to_json())
        return
    if clear:
        _say_removed(report)
    if report.entries:
        say_table(("kind", "of", "size", "last used", "where"), (_row(entry) for entry in report.entries))
    most = "no limit" if report.limit is None else f"at most {format_bytes(report.limit)}"
    say(f"{len(report.entries)} entries, {format_bytes(report.total)} ({most}) in {report.place}")


def _say_removed(report: CacheReport) -> None:
    freed = sum(entry.bytes for entry in report.removed)
    say(f"removed {len(report.removed)} entries, {format_bytes(freed)}")
    if report.in_use:
        say(f"kept {len(report.in_use)} that are in use")


def _row(entry: Entry) -> tuple[str, ...]:
    place = f"{entry.path.parent.name}/{entry.path.name}"
    return entry.kind, entry.about, format_bytes(entry.bytes), f"{format_duration(entry.age)} ago", place
