"""What a person sees while a run goes on: a live line on a terminal, plain lines elsewhere, and run.log."""

import atexit
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from crosstune.core.files import is_disk_full
from crosstune.core.units import format_duration
from crosstune.reports.text import one_line, plain

EVERY = 5.0
"""Seconds between two plain lines about the same stage."""
WINDOW = 20.0
"""Seconds over which the rate is measured."""
ROOM_FOR_A_BAR = 100
"""Columns of a terminal from which on a bar is drawn; below, words need the room."""


@dataclass
class Stage:
    """One stage in progress."""

    name: str
    total: int | None
    started: float
    done: int = 0
    figures: dict[str, str] = field(default_factory=dict)
    told: float = 0.0
    """When the last plain line was written."""
    marks: list[tuple[float, int]] = field(default_factory=list)
    """(time, done) of the last ``WINDOW`` seconds."""

    def advance(self, done: int, now: float) -> None:
        """Note how far the stage is."""
        self.done = done
        self.marks.append((now, done))
        while len(self.marks) > 2 and now - self.marks[1][0] > WINDOW:
            self.marks.pop(0)

    def rate(self) -> float | None:
        """Units a second over the last seconds; ``None`` before anything is known."""
        first, last = self.marks[0], self.marks[-1]
        seconds, units = last[0] - first[0], last[1] - first[1]
        return units / seconds if seconds > 0 and units > 0 else None

    def left(self, now: float) -> float | None:
        """Seconds left at the present rate; ``None`` where that is unknown."""
        rate = self.rate()
        if rate is None or self.total is None:
            return None
        return max(0.0, (self.total - self.done) / rate - (now - self.marks[-1][0]))

    def parts(self, now: float) -> list[str]:
        """Progress, rate, time left and figures, each as words."""
        of = f"/{self.total:,}" if self.total is not None else ""
        words = [f"{self.done:,}{of}"] if self.done or of else []
        if (rate := self.rate()) is not None:
            words.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s")
        if (left := self.left(now)) is not None and self.done < (self.total or 0):
            words.append(f"{format_duration(left)} left")
        return words + [f"{name} {value}" for name, value in self.figures.items()]


def _figure(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else one_line(value)


class LiveReporter:
    """A :class:`crosstune.core.progress.Reporter` for people. Stages may nest; threads may share it."""

    def __init__(
        self,
        log_path: Path | None,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._clock, self._log = console, clock, log_path
        self._held: list[str] = []
        self._stages: list[Stage] = []
        self._lock = threading.RLock()
        interactive = console.is_terminal and not console.is_dumb_terminal and not console.is_jupyter
        self._live: Live | None = None
        if interactive:
            self._live = Live(
                console=console,
                get_renderable=self._picture,
                transient=True,
                refresh_per_second=8,
                redirect_stdout=sys.stdout.isatty(),  # results piped elsewhere must not be drawn here
            )
        self._closed = False
        atexit.register(self.close)

    def say(self, text: str) -> None:
        """Show one finished line."""
        self._tell(text)

    def warn(self, text: str) -> None:
        """Show one line that deserves attention."""
        self._tell(text, level="WARNING", style="yellow", lead="warning: ")

    def start(self, stage: str, total: int | None = None) -> None:
        """Begin a stage, inside the present one if there is one."""
        with self._lock:
            now = self._clock()
            begun = Stage(one_line(stage), total, started=now, told=now, marks=[(now, 0)])
            self._stages.append(begun)
            words = f"{begun.name} ({total:,})" if total is not None else begun.name
            self._write(f"start: {words}")
            if self._live is None:
                self._show(Text(f"{words} ..."))
            elif not self._closed:
                self._live.start()

    def advance(self, done: int, figures: Mapping[str, float | str] | None = None) -> None:
        """Say how much of the present stage is done."""
        with self._lock:
            if not self._stages:
                return
            stage, now = self._stages[-1], self._clock()
            stage.advance(done, now)
            if figures:
                stage.figures = {one_line(name): _figure(value) for name, value in figures.items()}
            if now - stage.told < EVERY:
                return
            stage.told = now
            line = f"{stage.name}: {', '.join(stage.parts(now))}"
            self._write(line)
            if self._live is None:
                self._show(Text(line))

    def resize(self, total: int) -> None:
        """Change the number of units of the present stage."""
        with self._lock:
            if self._stages:
                self._stages[-1].total = total

    def finish(self, summary: str = "") -> None:
        """End the present stage and say how long it took."""
        with self._lock:
            if not self._stages:
                return
            stage = self._stages.pop()
            took = format_duration(self._clock() - stage.started)
            tail = f": {one_line(summary)}" if summary else ""
            if self._live is not None and not self._stages:
                self._live.stop()
            self._write(f"end: {stage.name}, {took}{tail}")
            done = Text.assemble(("✓ ", "green"), stage.name, (f"  {took}", "dim"), tail and f"  {tail[2:]}")
            self._show(done if self._live is not None else Text(f"{stage.name}: done in {took}{tail}"))

    def open_log(self, path: Path) -> None:
        """Write everything said so far, and from now on, to ``path`` (appended)."""
        with self._lock:
            self._log, held, self._held = path, self._held, []
            self._append("".join(held))

    def close(self) -> None:
        """Give the terminal back. May be called twice, and after an error; later lines still show."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            self._stages.clear()
            if self._live is not None:
                self._live.stop()

    def __enter__(self) -> "LiveReporter":
        """Return itself, so that ``with make_reporter() as reporter`` closes."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _tell(self, text: str, *, level: str = "INFO", style: str = "", lead: str = "") -> None:
        with self._lock:
            clean = plain(text)
            self._write(clean, level)
            self._show(Text(lead + clean, style=style))

    def _show(self, text: Text) -> None:
        self._console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def _write(self, text: str, level: str = "INFO") -> None:
        stamp = datetime.now().astimezone().isoformat(timespec="seconds")
        lines = text.split("\n")
        self._append("\n    ".join([f"{stamp} {level} {lines[0]}", *lines[1:]]) + "\n")

    def _append(self, lines: str) -> None:
        if self._log is None:
            self._held.append(lines)
            return
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as handle:
                handle.write("".join(self._held) + lines)
            self._held = []
        except OSError as error:
            if not is_disk_full(error):
                raise
            if not self._held:  # a log is not worth a run: say it once, and write it when there is room
                self._show(
                    Text(f"warning: the disk is full, {self._log.name} waits for room", style="yellow")
                )
            self._held.append(lines)

    def _picture(self) -> Group:
        with self._lock:
            return Group(*[self._row(stage) for stage in self._stages])

    def _row(self, stage: Stage) -> Table:
        now = self._clock()
        row = Table.grid(padding=(0, 2), expand=False)
        row.add_column(no_wrap=True, min_width=min(len(stage.name), 24), max_width=32, overflow="ellipsis")
        cells: list[Text | ProgressBar] = [Text(stage.name, style="bold")]
        if self._console.width >= ROOM_FOR_A_BAR:
            row.add_column(width=20)
            cells.append(ProgressBar(stage.total, stage.done, width=20, pulse=stage.total is None))
        row.add_column(no_wrap=True, overflow="ellipsis")
        took = format_duration(now - stage.started)
        cells.append(Text("  ".join([*stage.parts(now), took])))
        row.add_row(*cells)
        return row


def make_reporter(log_path: str | Path | None = None, *, quiet: bool = False) -> LiveReporter:
    """Make the reporter of a run: on standard error, so that standard output stays for results.

    Args:
        quiet: show nothing; the log is written all the same.
        log_path: where everything said is also written, with timestamps. Without it lines are held
            until :meth:`LiveReporter.open_log`.
    """
    return LiveReporter(Path(log_path) if log_path is not None else None, Console(stderr=True, quiet=quiet))
