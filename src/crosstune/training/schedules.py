"""The rate of each step, as a share of its peak: pure functions of (step, total)."""

import math
from collections.abc import Callable, Mapping


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


def rate_share(schedule: str, step: int, total: int, warmup: float) -> float:
    """Return the rate of ``step`` as a share of the peak rate.

    With w warm-up steps: ``(step + 1) / (w + 1)`` while ``step < w``, so that no step is wasted at rate
    zero; then the shape over ``(step - w) / (total - w)``, which starts at the peak.

    Args:
        schedule: ``cosine`` (Loshchilov and Hutter 2017, without restarts), ``linear`` or ``constant``.
        step: counted from 0.
        total: steps of the whole run, fixed before the first one.
        warmup: share of the steps in which the rate rises.
    """
    warm = warmup_steps(total, warmup)
    if step < warm:
        return (step + 1) / (warm + 1)
    return SHAPES[schedule]((step - warm) / max(total - warm, 1))
