"""KL is zero for the same predictions, and what its definition says for others."""

import numpy as np
import pytest

from crosstune.evaluation.divergence import divergence


def test_the_same_predictions_diverge_by_nothing() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 7))
    found = divergence(logits, logits + 3.0)  # a constant changes no probability
    assert (found.value, found.low, found.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_it_is_the_mean_over_examples_by_hand() -> None:
    before = np.log([[0.5, 0.5], [0.9, 0.1]])
    after = np.log([[0.25, 0.75], [0.9, 0.1]])
    first = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    found = divergence(before, after)
    assert found.value == pytest.approx(first / 2)
    assert (found.low, found.high) == pytest.approx((0.0, first))  # of two rows, both or none are the first


def test_other_classes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="shape"):
        divergence(np.zeros((2, 3)), np.zeros((2, 4)))
