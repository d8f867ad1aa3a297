"""Between the weights before and after training: a straight line, and the best point on it (WiSE-FT)."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.judge import Judge, judging, put, whole
from crosstune.training.snapshot import Weights

ALPHAS = (1.0, 0.5, 0.7, 0.3, 0.8, 0.6, 0.9, 0.4, 0.2, 0.1, 0.0)
"""Shares of the tuned weights, in the order in which they are tried: as long as time lasts, the line is
covered ever more finely."""
BOTH_ENDS = (1.0, 0.0, *(alpha for alpha in ALPHAS if alpha not in (0.0, 1.0)))
"""The same with the start second: where a point must keep a share of what the start has."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point on the line."""

    alpha: float
    """Share of the tuned weights: 0 is the start, 1 the tuned model."""
    score: float
    """The primary metric on validation, turned so that larger is better."""
    outputs: NDArray[Any]
    """``(M, K)`` on validation."""
    kept: float = math.nan
    """What ``watch`` gave there."""


def largest(points: Sequence[Point]) -> Point:
    """Choose the largest score, of equal ones the largest alpha."""
    return max(points, key=lambda one: (one.score, one.alpha))


Choose = Callable[[Sequence[Point]], Point | None]


@dataclass(frozen=True, kw_only=True)
class Interpolation:
    """The points that were tried, by alpha."""

    points: tuple[Point, ...]
    best: Point
    """What the model holds now: the one that was chosen."""
    seconds: float

    @property
    def tuned(self) -> Point:
        """The tuned model itself, with which the best is to be compared by a paired interval."""
        return self.points[-1]


def between(start: Weights, end: Weights, alpha: float) -> Weights:
    """Return ``(1 - alpha) start + alpha end``, name by name, computed in float64.

    At 0 and 1 these are copies of the ends, bit for bit, and where the ends are equal so is every point.
    Whole numbers (counters) are those of the end.

    Raises:
        ValueError: the names differ.
    """
    if start.keys() != end.keys():
        raise ValueError("the ends of a line have the same names")
    if alpha in (0.0, 1.0):
        return {name: tensor.clone() for name, tensor in (end if alpha else start).items()}
    return {
        name: torch.lerp(start[name].double(), tensor.double(), alpha).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor.clone()
        for name, tensor in end.items()
    }


def interpolate(
    backbone: Backbone,
    task: Task,
    train_items: Items,
    validation_items: Items,
    settings: Settings,
    *,
    start: Weights,
    budget: Budget,
    reporter: Reporter,
    watch: Callable[[], float] | None = None,
    choose: Choose = largest,
    alphas: Sequence[float] = ALPHAS,
    forced: int = 1,
) -> Interpolation:
    """Judge points between ``start`` and the model's present weights; the model then holds the best one.

    The choice is made on validation: whoever ships it should ask for more than a larger figure. BatchNorm
    statistics that were trained are measured anew between the ends (``judge.py``); frozen ones stay.

    Args:
        backbone: holds the tuned weights; no adapters.
        task: fitted on the training targets.
        train_items: for BatchNorm statistics.
        validation_items: with targets.
        settings: those of the training.
        start: from :func:`starting_weights`, with the head that training started from. A random head makes
            the line meaningless.
        budget: no further point is begun where it would end after it.
        reporter: told which point is best.
        watch: asked for one more figure while the model holds a point, such as what is kept there.
        choose: the best of the points so far; where none will do, the model holds the first of ``alphas``.
        alphas: in the order in which they are tried.
        forced: so many of them are judged whatever the budget says.

    Raises:
        ValueError: ``start`` does not belong to this model.

    Cost: at most eleven evaluations and measurements of BatchNorm statistics; three copies of the weights.
    Source: Wortsman et al. (2022), Robust fine-tuning of zero-shot models, arXiv:2109.01903.
    Checked by: ``tests/training/test_interpolate.py``: the ends, bit for bit.
    """
    began, end = time.monotonic(), whole(backbone)
    points: list[Point] = []
    chosen, best = end, None
    with judging(
        backbone, task, train_items, validation_items, settings, budget=budget, reporter=reporter
    ) as judge:
        line = _Line(judge, start, end, watch)
        for point in _points(line, budget, alphas, forced):
            points.append(point)
            if choose(points) is point:
                chosen, best = judge.held(), point
    put(backbone, chosen)
    best = best or points[0]
    reporter.say(
        f"of {len(points)} points between the start and the tuned weights {best.alpha:g} is best{_why(best)}"
    )
    ordered = tuple(sorted(points, key=lambda one: one.alpha))
    return Interpolation(points=ordered, best=best, seconds=time.monotonic() - began)


def _why(best: Point) -> str:
    return "" if math.isnan(best.kept) else f"; it keeps {best.kept:.1%} of what probes read before"


@dataclass(frozen=True)
class _Line:
    judge: Judge
    start: Weights
    end: Weights
    watch: Callable[[], float] | None

    def at(self, alpha: float) -> Point:
        """Put a point into the model and judge it."""
        outputs = self.judge.outputs(between(self.start, self.end, alpha), averaged=0.0 < alpha < 1.0)
        kept = self.watch() if self.watch else math.nan
        return Point(alpha=alpha, score=self.judge.score(outputs), outputs=outputs, kept=kept)


def _points(line: _Line, budget: Budget, alphas: Sequence[float], forced: int) -> Iterator[Point]:
    slowest = 0.0
    for number, alpha in enumerate(alphas):
        if number >= forced and line.judge.session.agreed(budget.left() < slowest):
            return
        began = time.monotonic()
        point = line.at(alpha)
        slowest = max(slowest, time.monotonic() - began)
        yield point
