"""What the reporter shows on a terminal, without one, and in the log."""

import errno
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from crosstune.reports.live import EVERY, LiveReporter, make_reporter

HOSTILE = "[red]x[/red] \x1b]0;title\x07\x1b[2J :smile: \u202e"
SHOWN = r"[red]x[/red] \x1b]0;title\x07\x1b[2J :smile: \u202e"
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        """Give the time in seconds."""
        return self.now


def made(log: Path | None = None, *, terminal: bool = False) -> tuple[LiveReporter, io.StringIO, Clock]:
    held, clock = io.StringIO(), Clock()
    console = Console(
        file=held, force_terminal=terminal, width=120, force_interactive=terminal, color_system=None
    )
    return LiveReporter(log, console, clock), held, clock


def test_plain_lines_come_at_most_every_few_seconds() -> None:
    reporter, held, clock = made()
    reporter.start("frozen pass", 1000)
    for step in range(1, 101):
        clock.now += EVERY / 20
        reporter.advance(10 * step, {"loss": 0.51234, "best accuracy": 0.9})
    reporter.finish("done well")
    lines = held.getvalue().splitlines()
    assert lines[0] == "frozen pass (1,000) ..."
    assert lines[1] == "frozen pass: 200/1,000, 40/s, 20 s left, loss 0.5123, best accuracy 0.9"
    assert lines[-1] == "frozen pass: done in 25 s: done well"
    assert len(lines) == 7


def test_the_rate_is_that_of_the_last_seconds() -> None:
    reporter, held, clock = made()
    reporter.start("training", 1000)
    for _ in range(100):
        clock.now += 1.0
        reporter.advance(1)
    for done in range(100, 900, 20):
        clock.now += 1.0
        reporter.advance(done)
    assert held.getvalue().splitlines()[-1] == "training: 880/1,000, 20/s, 6.0 s left"


def test_markup_and_terminal_codes_are_shown_not_obeyed(tmp_path: Path) -> None:
    for terminal in (False, True):
        reporter, held, clock = made(tmp_path / "run.log", terminal=terminal)
        reporter.say(HOSTILE)
        reporter.warn(HOSTILE)
        reporter.start(HOSTILE, 2)
        clock.now += 2 * EVERY
        reporter.advance(1, {HOSTILE: HOSTILE})
        reporter.finish(HOSTILE)
        reporter.close()
        shown = held.getvalue()
        assert shown.count(SHOWN) >= 4
        assert "\x1b]" not in shown
        assert "\x1b[2J" not in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", (tmp_path / "run.log").read_text(encoding="utf-8"))


def test_a_terminal_shows_the_stage_live_and_then_one_line() -> None:
    reporter, held, clock = made(terminal=True)
    with reporter:
        reporter.start("outer")
        reporter.start("inner", 10)
        clock.now += 1.0
        reporter.advance(5, {"loss": 1.25})
        live = "".join(segment.text for segment in reporter._console.render(reporter._picture()))
        assert re.search(r"inner .*5/10  5/s  1\.0 s left  loss 1\.25  1\.0 s", live)
        assert "outer" in live
        reporter.finish("fine")
        reporter.finish()
    assert "✓ inner  1.0 s  fine" in held.getvalue()
    assert held.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in held.getvalue()  # the cursor is back


def test_the_log_holds_everything_said_with_time_and_level(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "run.log"
    reporter, _, clock = made()
    reporter.say("before the folder existed")
    reporter.open_log(log)
    reporter.warn("two\nlines")
    reporter.start("training", 3)
    clock.now += 42.0
    reporter.finish()
    reporter.close()
    reporter.say("after the end")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(f"{STAMP} INFO before the folder existed", lines[0])
    assert re.fullmatch(f"{STAMP} WARNING two", lines[1])
    assert lines[2] == "    lines"
    assert [line.split(" INFO ")[1] for line in lines[3:]] == [
        "start: training (3)",
        "end: training, 42 s",
        "after the end",
    ]


def test_calls_out_of_order_do_no_harm() -> None:
    for terminal in (False, True):
        reporter, _, _ = made(terminal=terminal)
        reporter.advance(3)
        reporter.finish("nothing was begun")
        reporter.start("left open")
        reporter.close()
        reporter.close()
        reporter.start("after the end")
        reporter.finish()


def test_make_reporter_writes_to_standard_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with make_reporter(tmp_path / "run.log") as reporter:
        reporter.say("hello")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "hello\n")
    assert "INFO hello" in (tmp_path / "run.log").read_text(encoding="utf-8")


def test_a_log_that_finds_no_room_stops_nothing_and_is_written_later(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    reporter, held, _ = made(log)
    reporter.say("one")
    whole = Path.open

    def full(self: Path, *more: object, **named: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", full)
        reporter.say("two")
        reporter.say("three")
    assert Path.open is whole
    reporter.say("four")
    assert [line.rpartition(" ")[2] for line in log.read_text().splitlines()] == [
        "one",
        "two",
        "three",
        "four",
    ]
    assert held.getvalue().count("the disk is full, run.log waits for room") == 1
