"""The rules that choose what moves: counts and seconds in, a strategy that fits out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.plan import Basis
from crosstune.planning.facts import DataFacts, ModelFacts, TimeFacts
from crosstune.planning.seconds import epoch_seconds
from crosstune.planning.strategy import (
    MIN_TEXTS,
    SLACK,
    choose_epochs,
    choose_last_blocks,
    choose_strategy,
    reaches,
    wanted_epochs,
)

DATA = DataFacts(
    task="image-classification",
    modality="image",
    train_rows=10_000,
    validation_rows=1_000,
    test_rows=1_000,
    outputs=10,
)
MODEL = ModelFacts(
    name="package:efficientnet-lite0",
    width=1280,
    shares=(0.1, 0.2, 0.3, 0.4),
    convolutional=True,
    pretrained=True,
    pass_seconds=0.001,
    step_seconds=0.01,
)
TIMELESS = TimeFacts(left=float("inf"), reserve=50.0)


def test_everything_moves_where_an_epoch_fits() -> None:
    decision = choose_strategy(DATA, MODEL, TimeFacts(left=400.0, reserve=50.0))
    assert (decision.value, decision.basis) == ("lp-ft", Basis.MEASURED)


def test_a_suffix_moves_where_everything_does_not_fit() -> None:
    time = TimeFacts(left=168.0, reserve=50.0)
    assert choose_strategy(DATA, MODEL, time).value == "last"
    blocks = choose_last_blocks(DATA, MODEL, time).value
    fits = {option.last_blocks: option.epochs for option in reaches(DATA, MODEL, time)}
    assert fits[blocks] >= 2.0
    assert fits[blocks + 1] < 2.0


def test_pictures_get_two_epochs_of_a_suffix_rather_than_one_of_everything() -> None:
    each = epoch_seconds(DATA, MODEL, len(MODEL.shares))

    def chosen(epochs: float, data: DataFacts = DATA, model: ModelFacts = MODEL) -> str:
        time = TimeFacts(left=epochs * each / SLACK, reserve=0.0)
        return choose_strategy(data, model, time).value

    assert chosen(1.9) == "last"
    assert chosen(2.1) == "lp-ft"
    assert chosen(1.1, replace(DATA, modality="text", task="text-regression")) == "lp-ft"
    assert chosen(1.1, model=replace(MODEL, shares=(1.0,))) == "lp-ft"  # there is no suffix


def test_enough_texts_are_worth_it_where_no_epoch_of_them_fits() -> None:
    texts = replace(DATA, modality="text", task="text-regression")
    each = epoch_seconds(texts, MODEL, len(MODEL.shares))

    def chosen(data: DataFacts, epochs: float) -> str:
        return choose_strategy(data, MODEL, TimeFacts(left=epochs * each / SLACK, reserve=0.0)).value

    share = MIN_TEXTS / texts.train_rows
    assert share < 1.0
    assert chosen(texts, share + 0.01) == "lp-ft"
    assert chosen(texts, share - 0.01) != "lp-ft"
    assert chosen(DATA, share + 0.01) != "lp-ft"  # pictures are another matter


def test_a_last_block_without_compute_is_not_worth_a_training() -> None:
    pooled = replace(MODEL, shares=(0.5, 0.5, 0.0))
    time = TimeFacts(left=85.0, reserve=50.0)
    assert {one.last_blocks for one in reaches(DATA, pooled, time) if one.epochs >= 2.0} == {1}
    assert choose_strategy(DATA, pooled, time).value == "closed-form"


def test_nothing_is_trained_where_nothing_fits() -> None:
    assert choose_strategy(DATA, MODEL, TimeFacts(left=51.0, reserve=50.0)).value == "closed-form"


def test_random_weights_are_trained_whole() -> None:
    decision = choose_strategy(DATA, replace(MODEL, pretrained=False), TimeFacts(left=400.0, reserve=50.0))
    assert decision.value == "full"


def test_the_epochs_of_everything_are_seconds_over_cost() -> None:
    full = reaches(DATA, MODEL, TimeFacts(left=300.0, reserve=50.0))[0]
    assert full.epochs == pytest.approx(250.0 * SLACK / (10_000 * 0.01 + 1_000 * 0.001))


def test_a_closed_form_head_that_dropout_ruins_is_no_start() -> None:
    time = TimeFacts(left=400.0, reserve=50.0)
    assert choose_strategy(DATA, replace(MODEL, head_loss=0.4), time).value == "lp-ft"
    ruined = choose_strategy(DATA, replace(MODEL, head_loss=1.3), time)
    assert (ruined.value, ruined.basis) == ("full", Basis.MEASURED)
    assert "1.30 times" in ruined.because


@pytest.mark.parametrize(
    ("left", "strategy"), [(float("inf"), "orca"), (400.0, "orca"), (51.0, "closed-form")]
)
def test_a_body_that_never_saw_such_data_gets_its_new_parts_first(left: float, strategy: str) -> None:
    foreign = replace(MODEL, crosses=True, head_loss=None)
    assert choose_strategy(DATA, foreign, TimeFacts(left=left, reserve=50.0)).value == strategy
    assert choose_strategy(DATA, replace(foreign, pretrained=False), TIMELESS).value == "full"


def test_a_body_that_never_saw_such_data_is_trained_for_longer() -> None:
    assert wanted_epochs(DATA, crosses=True) == 2 * wanted_epochs(DATA)


@given(left=st.floats(60, 1e5), rows=st.integers(20, 10**6))
def test_the_epochs_are_the_usual_ones_and_what_fits_is_said(left: float, rows: int) -> None:
    data, time = replace(DATA, train_rows=rows), TimeFacts(left=left, reserve=50.0)
    strategy = choose_strategy(data, MODEL, time).value
    blocks = choose_last_blocks(data, MODEL, time).value
    decision = choose_epochs(data, MODEL, time, strategy, blocks)
    assert decision.value == wanted_epochs(data)
    assert strategy == "closed-form" or "fit" in decision.because
