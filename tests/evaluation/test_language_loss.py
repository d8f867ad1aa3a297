"""The rise of a loss is paired, weighs tokens alike, and knows its interval."""

import numpy as np
import pytest

from crosstune.evaluation.language_loss import loss_rise

TOKENS = np.array([1, 2, 3, 10, 20, 4, 6, 8])


def test_every_token_counts_the_same() -> None:
    before = np.arange(8.0)
    first, second, rise = loss_rise(before, before + 1.0, TOKENS)
    assert first.value == pytest.approx(before.sum() / TOKENS.sum())
    assert second.value == pytest.approx((before.sum() + 8.0) / TOKENS.sum())
    assert rise.value == pytest.approx(8.0 / TOKENS.sum())


def test_a_rise_that_is_the_same_for_every_token_is_certain_though_the_losses_are_not() -> None:
    before = np.random.default_rng(0).gamma(2.0, 3.0, 8) * TOKENS
    first, _, rise = loss_rise(before, before + 0.5 * TOKENS, TOKENS)
    assert (rise.low, rise.value, rise.high) == pytest.approx((0.5, 0.5, 0.5))
    assert first.high - first.low > 1.0


def test_equal_losses_do_not_rise() -> None:
    losses = np.random.default_rng(1).random(8)
    assert loss_rise(losses, losses, TOKENS)[2].high == 0.0


@pytest.mark.parametrize("tokens", [TOKENS[:7], np.array([]), np.zeros(8, dtype=np.int64)])
def test_texts_without_tokens_or_of_other_numbers_are_refused(tokens: np.ndarray) -> None:
    with pytest.raises(ValueError, match="each with a token"):
        loss_rise(np.ones(8), np.ones(8), tokens)
