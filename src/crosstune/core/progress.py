"""What the stages tell the person who waits. Implementations live in ``reports/live.py``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Reporter(Protocol):
    """Receives what happens in a run. Every method returns at once."""

    def open_log(self, path: Path) -> None:
        """Write everything that is said, before and after this call, to ``path`` too."""

    def say(self, text: str) -> None:
        """Show one finished line: a decision, a result."""

    def warn(self, text: str) -> None:
        """Show one line that deserves attention."""

    def start(self, stage: str, total: int | None = None) -> None:
        """Begin a stage of ``total`` units (examples, steps)."""

    def advance(self, done: int, figures: Mapping[str, float | str] | None = None) -> None:
        """Say how many units of the current stage are done, with live figures (loss, rate)."""

    def resize(self, total: int) -> None:
        """Say that the current stage has another number of units than was thought."""

    def finish(self, summary: str = "") -> None:
        """End the current stage."""


class Silent:
    """A reporter that shows nothing."""

    def open_log(self, path: Path) -> None:
        """Ignore."""

    def say(self, text: str) -> None:
        """Ignore."""

    def warn(self, text: str) -> None:
        """Ignore."""

    def start(self, stage: str, total: int | None = None) -> None:
        """Ignore."""

    def advance(self, done: int, figures: Mapping[str, float | str] | None = None) -> None:
        """Ignore."""

    def resize(self, total: int) -> None:
        """Ignore."""

    def finish(self, summary: str = "") -> None:
        """Ignore."""
