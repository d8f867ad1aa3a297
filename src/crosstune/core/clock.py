"""A wall-clock budget, shared by every stage of a run."""

import time
from dataclasses import dataclass, field


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
