"""Predicted seconds are counts times speeds, and the same wherever they are asked for."""

from dataclasses import replace

import pytest

from crosstune.planning.facts import DataFacts, ModelFacts, TimeFacts
from crosstune.planning.seconds import (
    EXACT,
    FORGETTING_OPENING,
    HEADS_LEAST,
    INTERVALS,
    MULTIPLICATIONS,
    PATHS_LEAST,
    RELOADED,
    REPORT,
    START_PYTHON,
    Training,
    end_seconds,
    evaluation_seconds,
    forgetting_seconds,
    frozen_seconds,
    heads_seconds,
    step_seconds,
    store_seconds,
    training_seconds,
)
from crosstune.planning.strategy import SLACK, reaches
from crosstune.stages.reserve import reserve_seconds

DATA = DataFacts(
    task="image-classification", modality="image", train_rows=1_000, validation_rows=100, test_rows=200,
    outputs=10,
)  # fmt: skip
MODEL = ModelFacts(
    name="m", width=8, shares=(0.5, 0.25, 0.25), convolutional=True, pretrained=True, pass_seconds=0.01,
    step_seconds=0.04,
)  # fmt: skip


def test_every_stage_by_hand() -> None:
    assert frozen_seconds(DATA, MODEL) == pytest.approx(11.0)
    assert frozen_seconds(DATA, MODEL, 400) == pytest.approx(5.0)
    work = 1_000 * 40 * 40 + 40**3 + 45 * 4 * 1_000 * 40 * 10
    assert heads_seconds(DATA, [40]) == pytest.approx(HEADS_LEAST + PATHS_LEAST + work / MULTIPLICATIONS)
    storing, steps, evaluations = 11.0 * 0.75, 2 * 1_000 * 0.04 * 0.25, 2 * 100 * 0.01 * 0.25
    trained = training_seconds(DATA, MODEL, Training(blocks=1, epochs=2.0))
    assert trained == pytest.approx(storing + steps + evaluations)
    assert end_seconds(DATA, MODEL, trains=True) == (
        pytest.approx(EXACT * 0.01 * 300),
        pytest.approx(START_PYTHON + REPORT + INTERVALS * 200),
    )
    assert end_seconds(DATA, MODEL, trains=False)[0] == pytest.approx(EXACT * 0.01 * 200)


def test_without_a_store_every_step_pays_the_frozen_part() -> None:
    stored = training_seconds(DATA, MODEL, Training(blocks=1, epochs=3.0))
    bare = training_seconds(DATA, MODEL, Training(blocks=1, epochs=3.0, cached=False))
    assert bare == pytest.approx(3 * 1_000 * (0.04 * 0.25 + 0.75 * 0.04 / 3) + 3 * 1.0)
    assert stored < bare
    whole = Training(blocks=3, epochs=3.0)
    assert training_seconds(DATA, MODEL, whole) == training_seconds(DATA, MODEL, replace(whole, cached=False))


def test_a_step_that_was_not_measured_is_three_passes() -> None:
    assert step_seconds(replace(MODEL, step_seconds=None)) == pytest.approx(0.03)
    assert step_seconds(MODEL) == 0.04


def test_values_have_no_logistic_path_and_few_rows_a_small_gram() -> None:
    values = replace(DATA, task="image-regression", outputs=1)
    assert heads_seconds(values, [40]) < heads_seconds(DATA, [40])
    wide = heads_seconds(replace(values, train_rows=10), [10_000]) - HEADS_LEAST
    assert wide == pytest.approx((10 * 10_000 * 10 + 10**3) / MULTIPLICATIONS)


def test_rules_and_reserve_use_the_same_seconds() -> None:
    for option in reaches(DATA, MODEL, TimeFacts(left=200.0, reserve=20.0)):
        training = Training(blocks=option.last_blocks, epochs=option.epochs)
        assert training_seconds(DATA, MODEL, training) == pytest.approx(180.0 * SLACK)
    assert reserve_seconds(DATA, MODEL, trains=False) == pytest.approx(
        EXACT * 0.01 * 200 + START_PYTHON + REPORT + INTERVALS * 200
    )
    more = reserve_seconds(DATA, MODEL, trains=True) - sum(end_seconds(DATA, MODEL, trains=True))
    assert more == pytest.approx(forgetting_seconds(MODEL))
    assert forgetting_seconds(MODEL, 100) == pytest.approx(FORGETTING_OPENING + EXACT * 0.01 * 100)
    assert store_seconds(DATA, MODEL, 3) == 0.0


def test_answers_that_are_written_have_seconds_of_their_own() -> None:
    model = replace(MODEL, answer_seconds=2.0, general_seconds=5.0)
    small = replace(DATA, validation_rows=100)
    assert end_seconds(small, model, trains=True)[0] == pytest.approx(2.0 * (200 + 100 + 2 * 100))
    large = replace(DATA, validation_rows=1_000)
    assert end_seconds(large, model, trains=True)[0] == pytest.approx(2.0 * (200 + 1_000 + 2 * RELOADED))
    assert end_seconds(small, model, trains=False)[0] == pytest.approx(2.0 * 200)
    assert evaluation_seconds(small, model, 3) == pytest.approx(2.0 * 100)
    more = reserve_seconds(small, model, trains=True) - sum(end_seconds(small, model, trains=True))
    assert more == pytest.approx(forgetting_seconds(model) + 5.0 + FORGETTING_OPENING)
