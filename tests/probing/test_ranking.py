"""A ranking: random weights come last, and whoever cannot be told from the leader is on the shortlist."""

from dataclasses import replace

import numpy as np
import pytest

from crosstune.core.metric import Metric
from crosstune.probing.ranking import ModelScores, rank_models, score_model
from crosstune.tasks.base import MetricSpec
from crosstune.tasks.registry import make_task
from tests.support.pooled import pooled

LABELS = np.random.default_rng(0).integers(0, 3, 250)
TASK = make_task("image-classification", ["a", "b", "c"])
SPEC = next(iter(TASK.metrics.values()))


def model(name: str, signal: float, seed: int = 0) -> ModelScores:
    """Score features that know the classes to some degree; the random weights know nothing."""
    noise = np.random.default_rng(seed).normal(size=(len(LABELS), 3))
    return score_model(name, TASK, pooled(np.eye(3)[LABELS] * signal + noise, (6, 8)), LABELS)


@pytest.fixture(scope="module")
def scores() -> list[ModelScores]:
    return [model("random", 0.0), model("good", 3.0), model("twin", 3.0, seed=1), model("weak", 1.0)]


def test_random_weights_rank_last_and_twins_share_the_lead(scores: list[ModelScores]) -> None:
    ranking = rank_models(scores, SPEC)
    names = [place.scores.model for place in ranking.places]
    assert set(names[:2]) == {"good", "twin"}
    assert names[2:] == ["weak", "random"]
    assert {one.model for one in ranking.shortlist} == {"good", "twin"}
    assert ranking.leader is ranking.shortlist[0]
    first, *others = ranking.places
    assert first.behind == Metric(0.0, 0.0, 0.0)
    for place in others:
        expected = first.scores.deciding.value - place.scores.deciding.value
        assert place.behind.value == pytest.approx(expected)
        assert place.shortlisted == (place.behind.low <= 0)


def test_a_model_alone_and_equal_models_are_all_shortlisted(scores: list[ModelScores]) -> None:
    assert [one.model for one in rank_models(scores[:1], SPEC).shortlist] == ["random"]
    same = [replace(scores[1], model=name) for name in ("first", "second")]
    ranking = rank_models(same, SPEC)
    assert [one.model for one in ranking.shortlist] == ["first", "second"]
    assert ranking.places[1].behind == Metric(0.0, 0.0, 0.0)


def test_where_lower_is_better_the_order_turns() -> None:
    loss = MetricSpec(
        name="loss",
        higher_is_better=False,
        prepare=lambda outputs, targets: (np.abs(outputs[:, 0] - targets),),
        reduce=np.mean,
    )
    base = model("exact", 1.0)
    exact = np.repeat(LABELS[:, None].astype(np.float32), 3, axis=1)
    changes = {"figure": "loss", "higher_is_better": False}
    one = replace(base, **changes, deciding=Metric(0, 0, 0), outputs=exact, neighbours_outputs=exact)
    worse = replace(
        one, model="off", deciding=Metric(1, 1, 1), outputs=exact + 1, neighbours_outputs=exact + 1
    )
    ranking = rank_models([worse, one], loss)
    assert [place.scores.model for place in ranking.places] == ["exact", "off"]
    assert ranking.places[1].behind == Metric(1.0, 1.0, 1.0)
    assert [one.model for one in ranking.shortlist] == ["exact"]


def test_groups_widen_the_doubt(scores: list[ModelScores]) -> None:
    alone = rank_models([scores[1], scores[3]], SPEC).places[1].behind
    units = np.argsort(np.argsort(LABELS, kind="stable")) // 25
    grouped = rank_models([replace(one, units=units) for one in (scores[1], scores[3])], SPEC)
    behind = grouped.places[1].behind
    assert behind.value == alone.value
    assert behind.high - behind.low != alone.high - alone.low


def test_a_figure_that_is_not_a_number_ranks_last(scores: list[ModelScores]) -> None:
    undefined = MetricSpec(
        name="accuracy",
        higher_is_better=True,
        prepare=lambda outputs, _targets: (outputs[:, 0],),
        reduce=lambda values: np.nan if values[0] == 77 else 1.0,
    )
    off = np.full_like(scores[1].outputs, 77)
    broken = replace(scores[1], model="broken", deciding=Metric(np.nan, np.nan, np.nan), outputs=off)
    ranking = rank_models([broken, scores[0]], undefined)
    assert [place.scores.model for place in ranking.places] == ["random", "broken"]
    assert not ranking.places[1].shortlisted


def test_scores_that_cannot_be_compared_are_refused(scores: list[ModelScores]) -> None:
    one, other = scores[:2]
    with pytest.raises(ValueError, match="no model"):
        rank_models([], SPEC)
    with pytest.raises(ValueError, match="different rows"):
        rank_models([one, replace(other, encoded=LABELS[::-1])], SPEC)
    with pytest.raises(ValueError, match="different groups"):
        rank_models([one, replace(other, units=other.units // 2)], SPEC)
    with pytest.raises(ValueError, match="was scored by loss"):
        rank_models([replace(one, figure="loss")], SPEC)
