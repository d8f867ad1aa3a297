"""Short trainings: how many pay, which are worth it, and what they decide."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.plan import Basis
from crosstune.planning.facts import TimeFacts
from crosstune.planning.strategy import SLACK, wanted_epochs
from crosstune.planning.trials import (
    LEAST_SECONDS,
    MOST,
    SECOND,
    UNLIMITED,
    Contender,
    Outcome,
    Rounds,
    Trial,
    allot,
    decide,
    half_compute,
    open_choices,
    ordered,
    propose_trials,
    survivors,
)
from tests.planning.test_strategy import DATA, MODEL

FEW = replace(DATA, train_rows=1000, validation_rows=200)
TIME = TimeFacts(left=600.0, reserve=50.0)


def outcome(value: float, *, strategy: str = "last", loss: float = 1.0, noise: float = 0.0) -> Outcome:
    trial = Trial(contender=0, strategy=strategy, last_blocks=1, lr=value if math.isfinite(value) else 1.0)
    return Outcome(
        trial=trial, value=value, noise=noise, loss=loss, shown=f"{value:.2f}", evidence="trial/1.1"
    )


def test_a_body_of_another_modality_is_tried_whole_and_light() -> None:
    foreign = Contender(facts=replace(MODEL, crosses=True, width=768))
    trials = propose_trials(FEW, [foreign], 6, {})
    assert {(one.strategy, one.lr) for one in trials} == {
        *(("orca", lr) for lr in (5e-5, 1.5e-4, 1.7e-5)), *(("fpt", lr) for lr in (1e-3, 3e-3, 3.3e-4)),
    }  # fmt: skip
    random = propose_trials(FEW, [replace(foreign, facts=replace(foreign.facts, pretrained=False))], 6, {})
    assert {one.strategy for one in random} == {"full"}
    assert {one.lr for one in propose_trials(FEW, [foreign], 6, {"strategy": "fpt"})} == {1e-3, 3e-3, 3.3e-4}


def test_a_tight_budget_goes_into_the_last_run() -> None:
    assert allot(FEW, MODEL, TimeFacts(left=100.0, reserve=50.0), None) is None


def test_without_a_budget_there_is_a_fixed_number_of_one_epoch_each() -> None:
    rounds = allot(FEW, MODEL, TimeFacts(left=math.inf, reserve=0.0), None)
    assert rounds == Rounds(count=UNLIMITED, seconds=math.inf, kept=3)


@given(
    rows=st.integers(100, 50_000), step=st.floats(1e-4, 0.2), left=st.floats(30.0, 7200.0),
    most=st.none() | st.integers(0, 20),
)  # fmt: skip
def test_trials_leave_the_last_run_its_epochs(rows: int, step: float, left: float, most: int | None) -> None:
    data, model = replace(FEW, train_rows=rows), replace(MODEL, step_seconds=step)
    rounds = allot(data, model, TimeFacts(left=left, reserve=20.0), most)
    if rounds is None:
        return
    assert 2 <= rounds.count <= (MOST if most is None else most)
    assert rounds.seconds >= LEAST_SECONDS * 0.99
    assert not rounds.kept or rounds.count >= SECOND
    spent = rounds.seconds * (rounds.count + 2 * rounds.kept)
    remains = (left - 20.0) * SLACK - spent
    epoch = rows * step + data.validation_rows * model.pass_seconds
    assert remains >= min(3.0, 0.6 * wanted_epochs(data)) * epoch * 0.99


def test_a_user_may_forbid_trials_or_leave_nothing_open() -> None:
    assert open_choices({})
    assert open_choices({"strategy": "lp-ft"})
    assert not open_choices({"trials": 0})
    assert not open_choices({"strategy": "lp-ft", "lr": 1e-3})
    assert not open_choices({"strategy": "closed-form"})
    assert allot(FEW, MODEL, TIME, 0) is None


def test_the_rules_own_configuration_is_tried_first_then_its_neighbours() -> None:
    models = [Contender(facts=MODEL), Contender(facts=replace(MODEL, name="other"))]
    trials = propose_trials(FEW, models, 5, {})
    assert [(one.contender, one.moves, one.lr) for one in trials] == [
        (0, "lp-ft", 5e-4), (0, "lp-ft", 1.5e-3), (0, "lp-ft", 1.7e-4),
        (0, "last 2 blocks", 5e-4), (1, "lp-ft", 5e-4),
    ]  # fmt: skip


def test_methods_across_domains_are_tried_where_there_are_several_and_win_only_by_measurement() -> None:
    several, contenders = replace(FEW, domains=3), [Contender(facts=MODEL)]
    plain = propose_trials(FEW, contenders, 9, {})
    assert not any(trial.methods for trial in plain)
    assert propose_trials(replace(FEW, domains=1), contenders, 9, {}) == plain
    found = propose_trials(several, contenders, 9, {})
    methods = [trial for trial in found if trial.methods]
    assert [trial.methods for trial in methods] == [(("group_dro", 0.01),), (("coral", 1.0),)]
    assert all(replace(trial, methods=()) == plain[0] for trial in methods)
    assert found[0] == plain[0]
    assert methods[0].moves == f"{plain[0].strategy} with group_dro 0.01"
    left_open = propose_trials(several, contenders, 9, {"group_dro": 0.5})
    assert [trial.methods for trial in left_open if trial.methods] == [(("coral", 1.0),)]
    assert propose_trials(several, contenders, 9, {"augment": "flip+mixup"}) == plain
    best = Outcome(trial=methods[0], value=0.9, noise=0.0, loss=1.0, shown="0.90", evidence="trial/1.4")
    _, decisions = decide([outcome(0.5), best], Rounds(count=2, seconds=9.0, kept=0))
    assert {one.setting: one.value for one in decisions}["group_dro"] == 0.01
    _, others = decide([outcome(0.95), best], Rounds(count=2, seconds=9.0, kept=0))
    assert "group_dro" not in {one.setting for one in others}


def test_what_the_user_names_is_not_varied() -> None:
    trials = propose_trials(FEW, [Contender(facts=MODEL)], 9, {"lr": 0.25})
    assert [(one.strategy, one.lr) for one in trials] == [("lp-ft", 0.25), ("last", 0.25)]
    trials = propose_trials(FEW, [Contender(facts=MODEL)], 9, {"strategy": "last", "last_blocks": 1})
    assert {(one.strategy, one.last_blocks) for one in trials} == {("last", 1)}
    assert len(trials) == 3


def test_the_depth_curve_says_how_many_blocks_move() -> None:
    trials = propose_trials(FEW, [Contender(facts=MODEL, depth=3)], 9, {})
    assert {one.last_blocks for one in trials if one.strategy == "last"} == {3}


@pytest.mark.parametrize(("shares", "count"), [((0.1, 0.2, 0.3, 0.4), 2), ((1.0,), 1), ((0.1, 0.9), 1)])
def test_half_the_compute(shares: tuple[float, ...], count: int) -> None:
    assert half_compute(shares) == count


def test_the_second_round_keeps_the_best_and_one_that_moves_everything() -> None:
    outcomes = [outcome(0.9), outcome(0.8), outcome(0.7, strategy="full"), outcome(0.6, strategy="full")]
    kept = survivors(outcomes, 2)
    assert [trial.lr for trial in kept] == [0.9, 0.7]
    assert [trial.lr for trial in survivors(outcomes[:2], 2)] == [0.9, 0.8]


def test_the_loss_decides_what_the_noise_hides_and_a_failed_trial_comes_last() -> None:
    level = [outcome(0.90, loss=0.5, noise=0.02), outcome(0.89, loss=0.4, noise=0.02), outcome(0.8, loss=0.1)]
    assert [one.value for one in ordered([outcome(math.nan), *level])[:3]] == [0.89, 0.90, 0.8]
    assert math.isnan(ordered([outcome(math.nan), *level])[-1].value)


def test_the_winner_becomes_decisions_with_evidence() -> None:
    winner, decisions = decide(
        [outcome(0.7), outcome(0.9, strategy="lp-ft")], Rounds(count=2, seconds=30.0, kept=0)
    )
    assert winner.strategy == "lp-ft"
    assert {one.setting: one.value for one in decisions} == {"strategy": "lp-ft", "lr": 0.9}
    assert all(one.basis is Basis.MEASURED and one.evidence for one in decisions)
    assert "2 trials of 30 s" in decisions[0].because
    assert "next: last block at 0.7" in decisions[0].because


def test_a_gap_adds_a_strategy_and_a_named_strategy_stays_alone() -> None:
    contender = [Contender(facts=MODEL)]
    usual = {trial.strategy for trial in propose_trials(FEW, contender, 9, {})}
    opened = [trial.strategy for trial in propose_trials(FEW, contender, 9, {}, ("full",))]
    assert set(opened) == usual | {"full"}
    assert opened[0] == "lp-ft"
    assert {one.strategy for one in propose_trials(FEW, contender, 9, {"strategy": "lp-ft"}, ("full",))} == {
        "lp-ft"
    }
