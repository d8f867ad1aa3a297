"""A wall-clock budget, shared by every stage of a run."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from crosstune.core.files import read_json, write_json

USED = "clock.json"
"""In the work folder of a run: how much of the budget was used when it was last saved."""


@dataclass(frozen=True)
class Budget:
    """Seconds granted to a run, counted from ``started`` (``time.monotonic``)."""

    seconds: float | None = None
    """``None`` means no limit."""
    started: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds left; infinite without a limit, never negative."""
        if self.seconds is None:
            return float("inf")
        return max(0.0, self.seconds - self.elapsed())

    def reserve(self, seconds: float) -> "Budget":
        """Return a budget that ends ``seconds`` earlier, for what must still happen afterwards."""
        if self.seconds is None:
            return self
        return Budget(max(0.0, self.seconds - seconds), self.started)


def keep_used(work: Path, budget: Budget) -> None:
    """Write down how much of ``budget`` is used, for a run that takes up this one."""
    write_json(work / USED, {"used": budget.elapsed()})


def used_before(work: Path) -> float:
    """Read what :func:`keep_used` wrote, in seconds; 0 where there is nothing that can be read."""
    try:
        return max(0.0, float(read_json(work / USED)["used"]))
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
