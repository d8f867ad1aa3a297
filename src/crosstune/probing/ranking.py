"""Models in the order of their scores, and which of them cannot be told from the best.

Shapes: N rows, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.probing.intervals import signed
from crosstune.probing.model_scores import Depth, ModelScores, score_model
from crosstune.probing.resampling import Prepared, bootstrapped, mean_figure
from crosstune.tasks.base import MetricSpec

__all__ = ["Depth", "ModelScores", "Place", "Ranking", "rank_models", "score_model"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One model in a ranking."""

    scores: ModelScores
    behind: Metric
    """How much better the leader is, on the same resampled rows; positive is better."""
    shortlisted: bool
    """Whether that interval holds zero: then the rows do not say that the leader is better."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Models, best first."""

    places: tuple[Place, ...]

    @property
    def leader(self) -> ModelScores:
        """The first; never reported without the shortlist."""
        return self.places[0].scores

    @property
    def shortlist(self) -> tuple[ModelScores, ...]:
        """The leader and every model that cannot be told from it, best first."""
        return tuple(place.scores for place in self.places if place.shortlisted)


def rank_models(scores: Sequence[ModelScores], spec: MetricSpec, *, seed: int = 0) -> Ranking:
    """Order models by their deciding figure, and say which are as good as the first as far as rows can say.

    A model is on the shortlist unless the 95 % interval of the leader's advantage, from a bootstrap of the
    same rows (groups) for both, lies above zero. The leader is the best of several, so its advantage is a
    little overstated and the shortlist, if anything, a little short.

    Args:
        scores: of at least one model, all on the same rows in the same order. Equal figures keep this order.
        spec: the metric they were scored by.
        seed: of the resamples.

    Raises:
        ValueError: no model, or models scored on other rows, groups or by another metric.

    Cost: 200 resamples of two figures for each model.
    Checked by: ``tests/probing/test_ranking.py``.
    """
    if not scores:
        raise ValueError("no model to rank")
    _check_same(scores, spec)
    ordered = sorted(scores, key=lambda one: signed(spec, one.deciding.value), reverse=True)
    leader = ordered[0]
    first = _prepared(spec, leader)
    places = [Place(scores=leader, behind=Metric(0.0, 0.0, 0.0), shortlisted=True)]
    for other in ordered[1:]:
        behind = _advantage(spec, first, _prepared(spec, other), leader.units, seed)
        # a figure that is not a number cannot lead, and cannot be told to be as good either
        level = bool(np.isfinite(behind.value)) and not behind.low > 0
        places.append(Place(scores=other, behind=behind, shortlisted=level))
    return Ranking(places=tuple(places))


def _prepared(spec: MetricSpec, scores: ModelScores) -> list[Prepared]:
    return [spec.prepare(outputs, scores.encoded) for outputs in (scores.outputs, scores.neighbours_outputs)]


def _advantage(
    spec: MetricSpec, ours: list[Prepared], theirs: list[Prepared], groups: NDArray[np.intp], seed: int
) -> Metric:
    sign = 1.0 if spec.higher_is_better else -1.0

    def difference(rows: NDArray[np.intp] | None) -> float:
        return sign * (mean_figure(spec, ours, rows) - mean_figure(spec, theirs, rows))

    return bootstrapped(difference, groups, seed=seed)


def _check_same(scores: Sequence[ModelScores], spec: MetricSpec) -> None:
    first = scores[0]
    for one in scores:
        if one.figure != spec.name:
            raise ValueError(f"{one.model} was scored by {one.figure}, not by {spec.name}")
        if not np.array_equal(one.encoded, first.encoded):
            raise ValueError(f"{one.model} and {first.model} were scored on different rows")
        if not np.array_equal(one.units, first.units):
            raise ValueError(f"{one.model} and {first.model} were scored with different groups")
