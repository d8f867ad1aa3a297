"""How many steps fit into the budget: measured at the start, fixed before the schedule begins."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crosstune.training.loader import Loaded

TRIAL_STEPS = 6
SHARE = 0.04
"""Of the time left that the trial steps may take."""
FIRST_SHARE = 0.1
"""Of the time left after which even the first one, which is slower than the others, must do."""
SLACK = 0.95
"""Of the time left that is planned with; the rest is for steps that are slower than those tried."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Measured seconds."""

    step: float
    evaluation: float
    """One whole evaluation on validation."""


def trial_seconds(
    batches: Iterator[list[Loaded]], update: Callable[[list[Loaded]], object], *, left: float
) -> float:
    """Return the seconds of one step, loading included: the mean of a few, without the first.

    The first pays for what is done once. Whoever calls this puts the weights back afterwards.
    """
    started, times = time.monotonic(), []
    for _ in range(TRIAL_STEPS):
        before = time.monotonic()
        loaded = next(batches, None)
        if loaded is None:
            break
        update(loaded)
        times.append(time.monotonic() - before)
        enough = SHARE if len(times) > 1 else FIRST_SHARE
        if time.monotonic() - started > enough * left:
            break
    return sum(times[1:]) / len(times[1:]) if len(times) > 1 else times[0]


def planned_steps(epochs: float, steps_per_epoch: int) -> int:
    """Return the steps of ``epochs`` epochs, at least one."""
    return max(1, round(epochs * steps_per_epoch))


def steps_that_fit(
    wanted: int, pace: Pace, *, left: float, between: float, last_evaluations: float = 1
) -> int:
    """Return how many of the ``wanted`` steps fit into ``left`` seconds; 0 where not even one does.

    Each step pays its share of the evaluations, one every ``between`` steps, and ``last_evaluations``
    are set aside for the end.
    """
    if math.isinf(left):
        return wanted
    usable = SLACK * left - last_evaluations * pace.evaluation
    each = pace.step + pace.evaluation / between
    return max(0, min(wanted, math.floor(usable / each)))


def evaluation_steps(total: int, steps_per_epoch: int, evals_per_epoch: int) -> frozenset[int]:
    """Return after how many steps to evaluate: evenly in each epoch, and at the very end."""
    between = steps_per_epoch / evals_per_epoch
    regular = {max(1, round(number * between)) for number in range(1, math.floor(total / between) + 1)}
    return frozenset({step for step in regular if step < total} | ({total} if total else set()))
