"""The rate of each step, as a share of its peak: pure functions of (step, total)."""

import math
from collections.abc import Callable, Mapping

from crosstune.core.settings import Settings


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _linear(progress: float) -> float:
    return 1.0 - progress


def _constant(progress: float) -> float:  # noqa: ARG001 - the three have one signature
    return 1.0


SHAPES: Mapping[str, Callable[[float], float]] = {
    "cosine": _cosine,
    "linear": _linear,
    "constant": _constant,
}


def warmup_steps(total: int, share: float) -> int:
    """Count the steps of warm-up, leaving at least one step after it."""
    return min(round(share * total), max(total - 1, 0))


def rate_share(schedule: str, step: float, total: int, warmup: float) -> float:
    """Return the rate of ``step`` as a share of the peak rate.

    With w warm-up steps: ``(step + 1) / (w + 1)`` while ``step < w``, so that no step is wasted at rate
    zero; then the shape over ``(step - w) / (total - w)``, which starts at the peak.

    Args:
        schedule: ``cosine`` (Loshchilov and Hutter 2017, without restarts), ``linear`` or ``constant``.
        step: counted from 0; a fraction where a schedule is stretched.
        total: steps of the whole run, fixed before the first one.
        warmup: share of the steps in which the rate rises.
    """
    warm = warmup_steps(total, warmup)
    if step < warm:
        return (step + 1) / (warm + 1)
    return SHAPES[schedule]((step - warm) / max(total - warm, 1))


class Schedule:
    """The rate of a run whose end may move while it goes on.

    A fixed number of steps gives exactly :func:`rate_share`. Where the end moves, what is left of the
    schedule is spread evenly over the steps that are left, so the rate never jumps and still ends low.
    """

    def __init__(self, settings: Settings, total: int) -> None:
        """Start before the first of ``total`` steps. Schedule-free has no schedule after its warm-up."""
        free = settings.optimizer == "schedule-free"
        self.shape = "constant" if free else settings.schedule
        self.warmup, self.total, self.position = settings.warmup, total, 0.0
        self.wait = settings.new_parts_first if settings.strategy == "orca" else 0.0
        self.last, self.last_later = self.share, self.later

    @property
    def share(self) -> float:
        """Of the peak rate, for the next step."""
        return rate_share(self.shape, min(self.position, max(self.total - 1, 0)), self.total, self.warmup)

    @property
    def later(self) -> float:
        """The same for what waits: nothing at first, then a schedule of its own over the rest."""
        waited = min(round(self.wait * self.total), self.total - 1)
        position = min(self.position, max(self.total - 1, 0)) - waited
        if position < 0:
            return 0.0
        return rate_share(self.shape, position, self.total - waited, self.warmup)

    def advance(self, left: int) -> None:
        """Go on by one step; ``left`` counts the steps that were left before it, it included."""
        self.last, self.last_later = self.share, self.later
        self.position += (self.total - self.position) / max(left, 1)
