"""How many steps fit, and when to evaluate."""

import itertools
import math
from collections.abc import Iterator

import pytest

from crosstune.training.loader import Loaded
from crosstune.training.pace import (
    SLACK,
    TRIAL_STEPS,
    Pace,
    evaluation_steps,
    planned_steps,
    steps_that_fit,
    trial_seconds,
)


def test_the_steps_and_their_evaluations_fill_the_budget() -> None:
    pace = Pace(step=0.5, evaluation=4.0)
    fit = steps_that_fit(10_000, pace, left=100.0, between=20)
    assert fit == math.floor((SLACK * 100 - 4) / (0.5 + 4 / 20))
    assert fit * 0.5 + (fit / 20 + 1) * 4 <= 100
    assert steps_that_fit(50, pace, left=100.0, between=20) == 50
    assert steps_that_fit(50, pace, left=math.inf, between=20) == 50
    assert steps_that_fit(50, pace, left=3.0, between=20) == 0


def test_evaluations_are_even_and_include_the_end() -> None:
    assert evaluation_steps(20, 10, 1) == {10, 20}
    assert evaluation_steps(20, 10, 2) == {5, 10, 15, 20}
    assert evaluation_steps(13, 10, 1) == {10, 13}
    assert evaluation_steps(3, 10, 1) == {3}
    assert evaluation_steps(2, 1, 4) == {1, 2}
    assert evaluation_steps(0, 10, 1) == frozenset()


def test_epochs_may_be_fractions() -> None:
    assert [planned_steps(epochs, 10) for epochs in (0.01, 0.5, 2.0, 2.26)] == [1, 5, 20, 23]


def test_the_first_trial_step_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.chain([0.0, 0.0, 50.0], itertools.count(50.0, 1.0))
    monkeypatch.setattr("crosstune.training.pace.time.monotonic", lambda: next(ticks))
    batches: Iterator[list[Loaded]] = iter([[] for _ in range(20)])
    made: list[object] = []
    seconds = trial_seconds(batches, made.append, left=math.inf)
    assert len(made) == TRIAL_STEPS
    assert seconds == 1.0
