"""What the rules say about masks and boxes: model, a decoder's rate, epochs, batch, warm-up, size."""

from dataclasses import replace

import pytest

from crosstune.core.plan import Plan
from crosstune.planning.facts import PLACES, DataFacts, TimeFacts
from crosstune.planning.make import make_plan
from crosstune.planning.opening import choose_model
from crosstune.planning.places import (
    BATCHES,
    LEAST_EPOCHS,
    LEAST_SIDE,
    UPDATES,
    WARM_STEPS,
    choose_batch_size,
    choose_warmup,
    shrink_places,
)
from crosstune.planning.strategy import fitting_epochs, wanted_epochs
from tests.planning.test_strategy import DATA, MODEL, TIMELESS


@pytest.fixture(params=PLACES)
def few(request: pytest.FixtureRequest) -> DataFacts:
    return replace(DATA, task=request.param, modality="image", closed_form=False, train_rows=500)


def test_any_picture_model_does_it(few: DataFacts) -> None:
    assert choose_model(few).value == "package:efficientnet-lite0"


def test_a_decoder_that_starts_new_is_given_time_and_a_rate_of_its_own(few: DataFacts) -> None:
    assert wanted_epochs(few) == 40.0
    assert wanted_epochs(replace(few, task="image-classification")) == 15.0
    plan = make_plan(Plan(), few, MODEL, TIMELESS, {})
    assert plan["strategy"] == "full"
    assert plan["head_lr"] >= 2e-3
    assert plan["augment"] == "none"
    assert "augment=flip" in plan.decision("augment").because
    assert make_plan(Plan(), few, MODEL, TIMELESS, {"augment": "flip"})["augment"] == "flip"


@pytest.mark.parametrize(
    ("examples", "size"),
    [(1e9, 32), (32 * UPDATES, 32), (32 * UPDATES - 1, 16), (16 * UPDATES - 1, 8), (1, 8), (0, 8)],
)
def test_batches_are_small_where_few_examples_can_be_seen(examples: float, size: int) -> None:
    assert choose_batch_size(examples).value == size
    assert size in BATCHES


@pytest.mark.parametrize(
    ("steps", "share"), [(100, 0.5), (2 * WARM_STEPS, 0.5), (1_000, 0.2), (100_000, 0.1), (0, 0.5)]
)
def test_rates_rise_over_so_many_updates_or_half_of_all(steps: int, share: float) -> None:
    assert choose_warmup(8 * steps, 8).value == share


def test_the_plan_counts_the_updates_that_fit(few: DataFacts) -> None:
    hurried = TimeFacts(left=200.0, reserve=50.0)
    short = make_plan(Plan(), few, MODEL, hurried, {})
    long = make_plan(Plan(), replace(few, train_rows=100_000), MODEL, TIMELESS, {})
    assert (short["batch_size"], long["batch_size"]) == (8, 32)
    assert (long["warmup"], make_plan(Plan(), few, MODEL, hurried, {"batch_size": 64})["warmup"]) == (
        0.1,
        0.5,
    )
    fitting = fitting_epochs(few, MODEL, hurried, short["strategy"], short["last_blocks"])
    assert 10_000 < few.train_rows * fitting < 12_750  # 0.85 of 150 s at 10 ms, less the evaluations
    assert short["warmup"] == pytest.approx(WARM_STEPS * 8 / (few.train_rows * fitting), abs=0.005)
    classes = make_plan(Plan(), replace(few, task="image-classification"), MODEL, hurried, {})
    assert (classes["batch_size"], classes["warmup"]) == (32, 0.1)


def test_pictures_are_smaller_where_few_epochs_fit(few: DataFacts) -> None:
    assert shrink_places(few, 224, speed=40.0, left=1_000.0) is None
    smaller = shrink_places(few, 224, speed=40.0, left=60.0)
    assert smaller is not None
    epochs = 0.85 * 60.0 * 40.0 * (224 / smaller.value) ** 2 / (3.0 * few.train_rows)
    assert LEAST_EPOCHS <= epochs < 1.3 * LEAST_EPOCHS
    least = shrink_places(few, 224, speed=40.0, left=-5.0)
    assert least is not None
    assert least.value == LEAST_SIDE
    assert shrink_places(few, LEAST_SIDE, speed=40.0, left=0.0) is None
    assert shrink_places(replace(few, task="image-classification"), 224, speed=40.0, left=0.0) is None
