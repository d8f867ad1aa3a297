"""The rate of every step, against values worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.training.schedules import SHAPES, rate_share


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
