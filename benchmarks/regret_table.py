"""The tables of ``benchmarks/regret.py``: one line for each thing that was run, kept whatever happens."""

import csv
import os
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

PLACE = Path(__file__).resolve().parent
GRID = PLACE / "regret_grid.csv"
FITS = PLACE / "regret_fits.csv"

BUSY = 1.5
"""MEASURED: processor seconds that a run spends in a second, alone on two cores (1.37 to 1.67). Where it
spent fewer, something else ran."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one run reached on a set, and what it took."""

    set: str
    configuration: str
    metric: str
    validation: float | None
    test: float | None
    test_low: float | None
    test_high: float | None
    wall_s: float
    """Seconds that went by."""
    cpu_s: float
    """User and system seconds of the process and its children: the machine may be shared."""
    version: str
    commit: str
    """``+`` behind it: the sources were edited after it."""
    date: str
    error: str = ""
    """The code of the error that ended it; it has no figures then."""

    @property
    def seconds(self) -> float:
        """What it took, or would have taken had the machine not been shared."""
        return min(self.wall_s, self.cpu_s / BUSY)


@dataclass(frozen=True, kw_only=True)
class Fit(Row):
    """What ``fit`` reached by its own choices; ``configuration`` holds its budget and the models it had."""

    shipped: str = ""
    plan: str = ""
    """Model, strategy, rate and size that it chose."""
    stages: str = ""
    """Seconds by stage, as JSON."""
    predicted: str = ""
    """The same as the plan foresaw them, where it did."""


Kind = TypeVar("Kind", bound=Row)


def read_rows(table: Path, kind: type[Kind]) -> list[Kind]:
    """Read a table; a line that was broken off is left out."""
    if not table.is_file():
        return []
    numbers = {field.name for field in fields(kind) if "float" in str(field.type)}
    lines = _whole(table.read_text(encoding="utf-8")).splitlines()
    return [kind(**dict(_values(row, numbers))) for row in csv.DictReader(lines)]


def _whole(text: str) -> str:
    return text[: text.rfind("\n") + 1]


def _values(row: dict[str, str], numbers: set[str]) -> Iterator[tuple[str, Any]]:
    for key, text in row.items():
        yield key, (float(text) if text else None) if key in numbers else text


def append_row(table: Path, row: Row) -> None:
    """Add a line that stays, whatever happens next; one that was broken off is cut away first."""
    with table.open("a+", newline="", encoding="utf-8") as handle:
        handle.seek(0)
        whole = _whole(handle.read())
        handle.truncate(len(whole.encode()))
        writer = csv.DictWriter(handle, [field.name for field in fields(row)], lineterminator="\n")
        if not whole:
            writer.writeheader()
        writer.writerow(asdict(row))
        handle.flush()
        os.fsync(handle.fileno())


def cpu_seconds() -> float:
    """User and system seconds of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def today() -> str:
    """Return the date of a row."""
    return datetime.now(tz=UTC).strftime("%Y-%m-%d")


def commit() -> str:
    """Return the short commit of the sources, with ``+`` where they were edited since; ``""`` without git."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(PLACE), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    edited = git("status", "--porcelain", "--", str(PLACE.parent / "src"))
    return git("rev-parse", "--short", "HEAD") + ("+" if edited else "")
