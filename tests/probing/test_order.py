"""The order of heads: by validation alone, or by all rows that a head has not seen."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings
from crosstune.probing.candidates import FittedHead, Problem
from crosstune.probing.heads import fit_heads
from crosstune.probing.order import best_first
from crosstune.tasks.registry import make_task
from tests.support.pooled import pooled

TASK = make_task("image-classification", ["a", "b"])
TRUTH = TASK.encode(["a", "b"] * 5)


def _answers(hits: list[bool]) -> NDArray[np.float64]:
    """Give outputs ``(n, 2)`` that are right where asked."""
    said = np.where(hits, TRUTH[: len(hits)], 1 - TRUTH[: len(hits)])
    return np.eye(2)[said]


def _head(
    kind: str, reads: str, on_validation: int, left_out: int | None, rows: list[int] | None = None
) -> FittedHead:
    """Make a head that is right on so many of 4 validation rows, and of the left-out training rows."""
    rows = list(range(10)) if rows is None else rows
    value = on_validation / 4
    outputs = _answers([place < on_validation for place in range(4)])
    answers = None if left_out is None else _answers([place < left_out for place in range(10)])[rows]
    return FittedHead(
        head=HeadWeights(
            features=reads, kind=kind, weight=np.zeros((2, 1)), bias=np.zeros(2), penalty=1.0
        ),
        name=f"{kind}, {reads}",
        validation_outputs=outputs,
        metric=Metric(value, value, value),
        seconds=0.0,
        scale=1.0,
        shifts=np.zeros(2),
        measurements=(
            Measurement(
                name=kind, candidate=kind, figure="accuracy", metric=Metric(value, value, value),
                examples=4, seed=0, seconds=0.0,
            ),
        ),
        left_out_rows=None if left_out is None else np.array(rows),
        left_out=answers,
    )  # fmt: skip


def _problem() -> Problem:
    return Problem(
        task=TASK, train_encoded=TRUTH, validation_encoded=TRUTH[:4],
        targets=np.eye(2)[TRUTH], validation_targets=np.eye(2)[TRUTH[:4]],
        settings=Settings(), deadline=Budget(None), reporter=Silent(),
    )  # fmt: skip


LUCKY = _head("ridge", "head", 4, 5)
SOLID = _head("ridge", "all", 3, 9)


def test_left_out_rows_outvote_a_few_lucky_validation_rows() -> None:
    first, second = best_first(_problem(), [LUCKY, SOLID], pooled=True)
    assert (first.name, first.pooled) == (SOLID.name, pytest.approx(12 / 14))
    assert (second.name, second.pooled) == (LUCKY.name, pytest.approx(9 / 14))
    assert first.measurements[0].detail == {"with_left_out_rows": pytest.approx(12 / 14), "rows": 14}
    assert first.value == 0.75  # what is said of validation stays that of validation


def test_without_pooling_validation_decides_alone() -> None:
    assert best_first(_problem(), [SOLID, LUCKY], pooled=False) == [LUCKY, SOLID]


def test_ridge_on_the_same_columns_answers_for_a_head_that_left_nothing_out() -> None:
    better = _head("logistic", "all", 4, None)
    found = best_first(_problem(), [LUCKY, SOLID, better], pooled=True)
    assert [one.name for one in found] == [better.name, SOLID.name, LUCKY.name]
    assert found[0].pooled == pytest.approx(13 / 14)


def test_where_nobody_answers_for_a_head_validation_decides() -> None:
    alone = _head("logistic", "last", 2, None)
    found = best_first(_problem(), [alone, SOLID, LUCKY], pooled=True)
    assert [one.name for one in found] == [LUCKY.name, SOLID.name, alone.name]
    assert all(one.pooled is None for one in found)


def test_only_rows_that_all_have_answered_count() -> None:
    few = _head("stack", "all", 3, 9, rows=[1, 4, 9])
    found = best_first(_problem(), [LUCKY, SOLID, few], pooled=True)
    # of rows 1, 4 and 9 the lucky head knows 1 and 4, the others as well
    assert [one.pooled for one in found] == pytest.approx([6 / 7, 5 / 7, 5 / 7])
    assert [one.name for one in found] == [LUCKY.name, SOLID.name, few.name]


def test_fitted_heads_are_put_in_that_order() -> None:
    truth = np.random.default_rng(0).integers(0, 2, 120)
    encoded: NDArray[Any] = TASK.encode([TASK_NAMES[one] for one in truth])
    features = pooled(np.eye(2)[truth] * 2)
    heads = fit_heads(
        TASK, features.rows(slice(100)), encoded[:100], features.rows(slice(100, None)), encoded[100:],
        settings=Settings(), pooled=True,
    )  # fmt: skip
    standings = [one.pooled for one in heads]
    assert None not in standings
    assert standings == sorted(standings, reverse=True)  # type: ignore[type-var]
    assert {one.measurements[0].detail["rows"] for one in heads if one.measurements[0].detail} == {120}


TASK_NAMES = ("a", "b")
