"""GroupDRO's weights follow algorithm 1, and stay weights whatever the losses are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.training.group_dro import initial_weights, updated_weights


def test_the_weights_are_those_of_the_formula() -> None:
    before = np.array([0.2, 0.3, 0.5])
    found = updated_weights(before, [1.0, 2.0, 7.0], [True, True, False], 0.5)
    raw = np.array([0.2 * np.exp(0.5), 0.3 * np.exp(1.0), 0.5])  # the third domain is not in the batch
    np.testing.assert_allclose(found, raw / raw.sum(), rtol=1e-12)
    assert initial_weights(4).tolist() == [0.25] * 4


def test_equal_losses_change_nothing_and_a_higher_one_gains() -> None:
    even = initial_weights(3)
    np.testing.assert_allclose(updated_weights(even, [2.0] * 3, [True] * 3, 1.0), even)
    after = updated_weights(even, [1.0, 1.0, 3.0], [True] * 3, 0.1)
    assert after[2] > 1 / 3 > after[0]


def test_weights_that_cannot_be_computed_stay() -> None:
    even = initial_weights(2)
    assert updated_weights(even, [np.inf, 1.0], [True, True], 1.0) is even


@given(st.lists(st.floats(0.0, 1e6), min_size=2, max_size=5), st.floats(1e-3, 100.0))
def test_they_are_always_shares(losses: list[float], step: float) -> None:
    found = updated_weights(initial_weights(len(losses)), losses, [True] * len(losses), step)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0).all()
