"""Asking a run to end early: SIGTERM and SIGINT, heeded where nothing is half done.

Handlers are put in place by :func:`heeding` only, for as long as it lasts, and in the main thread only. A
signal raises :class:`Interrupted` at once, except within :func:`deferred`, where whoever works asks
:func:`requested` at its own boundaries. Every signal after the first is ignored, so that a save that has
begun is not disturbed.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(BaseException):
    """The run was asked to end. Not an ``Exception``: nothing that goes on after failures may catch it."""

    def __init__(self, number: int) -> None:
        """Keep the number of the signal."""
        self.number, self.run = number, ""
        super().__init__(f"interrupted by {signal.Signals(number).name}")

    @property
    def exit_code(self) -> int:
        """What a shell gives a process that ended by this signal: 143 for SIGTERM, 130 for SIGINT."""
        return 128 + self.number


class _State:
    number: int | None = None
    depth: int = 0


_state = _State()


def requested() -> int | None:
    """Return the number of the signal that came, or ``None``."""
    return _state.number


def check() -> None:
    """Raise :class:`Interrupted` where a signal has come."""
    if _state.number is not None:
        raise Interrupted(_state.number)


def _handle(number: int, _: FrameType | None) -> None:
    if _state.number is not None:
        return
    _state.number = number
    if _state.depth == 0:
        raise Interrupted(number)


@contextmanager
def heeding() -> Iterator[None]:
    """Heed signals inside; the handlers from before come back afterwards. Does nothing in other threads."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.number, _state.depth = None, 0
    before = {number: signal.signal(number, _handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _state.number = None


@contextmanager
def deferred() -> Iterator[None]:
    """Let a signal only be noted inside; on the way out without an error it is raised."""
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1
    if _state.depth == 0:
        check()
