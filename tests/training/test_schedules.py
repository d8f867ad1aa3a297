"""The rate of every step, against values worked out by hand."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.settings import Settings
from crosstune.training.schedules import SHAPES, Schedule, rate_share


def test_warm_up_rises_linearly_and_reaches_the_peak() -> None:
    shares = [rate_share("linear", step, 10, 0.3) for step in range(10)]
    assert shares[:4] == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1.0])
    assert shares[4:] == pytest.approx([1 - done / 7 for done in range(1, 7)])


def test_cosine_halves_in_the_middle() -> None:
    shares = [rate_share("cosine", step, 8, 0.0) for step in range(8)]
    assert shares == pytest.approx([0.5 * (1 + math.cos(math.pi * step / 8)) for step in range(8)])
    assert shares[4] == pytest.approx(0.5)


@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 200), st.floats(0, 1), st.data())
def test_every_step_has_a_positive_rate_up_to_the_peak(
    schedule: str, total: int, warmup: float, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, total - 1))
    assert 0 < rate_share(schedule, step, total, warmup) <= 1
    assert max(rate_share(schedule, one, total, warmup) for one in range(total)) == 1


@pytest.mark.parametrize("shape", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("total", [1, 2, 7, 40])
def test_a_schedule_whose_end_stays_is_the_plain_one(shape: str, total: int) -> None:
    schedule, found = Schedule(Settings(schedule=shape, warmup=0.2), total), []
    for step in range(total):
        found.append(schedule.share)
        schedule.advance(total - step)
    assert found == pytest.approx([rate_share(shape, step, total, 0.2) for step in range(total)])


def test_a_schedule_whose_end_moves_neither_jumps_nor_ends_high() -> None:
    schedule, found, end = Schedule(Settings(schedule="cosine", warmup=0.1), 40), [], 40
    for step in range(60):
        if step == 16:
            end = 60  # the machine recovered: twenty more steps fit
        found.append(schedule.share)
        schedule.advance(end - step)
    steps = [abs(one - other) for one, other in pairwise(found[5:])]
    assert max(steps) < 0.06
    assert found[-1] < 0.01
    assert found[4:] == sorted(found[4:], reverse=True)
