"""Which point between the pretrained and the tuned weights: the best of those that keep enough."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from crosstune.core.plan import Basis, Decision


class Placed(Protocol):
    """A point on the line."""

    @property
    def alpha(self) -> float:
        """Share of the tuned weights."""
        ...

    @property
    def score(self) -> float:
        """The task's metric, turned so that larger is better."""
        ...

    @property
    def kept(self) -> float:
        """Share of the base model's probe accuracy; NaN where it was not measured."""
        ...


Point = TypeVar("Point", bound=Placed)


def best_point(points: Iterable[Point], least: float = 0.0) -> Point | None:
    """Choose the largest score among points that keep at least the share ``least``.

    Of equal scores the largest alpha: what was tuned is the wish, what is kept the condition. The start
    (alpha 0) keeps everything by definition. Without a condition (``least`` of 0) every point will do, also
    one whose share was not measured.

    Returns:
        ``None`` where no point keeps enough.

    Checked by: ``tests/planning/test_keeping.py``.
    """
    able = [one for one in points if least <= 0 or one.alpha == 0.0 or one.kept >= least]
    return max(able, key=lambda one: (one.score, one.alpha), default=None)


def decide_alpha(point: Placed, least: float, tried: int, what: str) -> Decision:
    """Say which point was taken, as a decision of the plan; ``what`` moves along the line, in words."""
    if point.alpha == 0.0:
        kept = "the start, which keeps everything"
    else:
        kept = f"there {point.kept:.1%} of the base model's probe accuracy on unrelated sets is kept"
    why = (
        f"the best on validation of {tried} points, among those that keep at least {least:g}: {kept}; {what}"
    )
    return Decision("alpha", point.alpha, Basis.MEASURED, why, (f"interpolation/{point.alpha:g}",))
