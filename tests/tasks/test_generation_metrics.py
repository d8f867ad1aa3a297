"""Figures of written answers and of the probability of their references, by hand."""

import math

import numpy as np
import pytest

from crosstune.core.conversation_text import to_text
from crosstune.evaluation.paired import paired_difference
from crosstune.evaluation.scores import point, score
from crosstune.tasks.generation_metrics import f1, generation_metrics
from crosstune.tasks.text_generation import TextGeneration
from tests.support.chats import talk

TRUTH = ["yes", "the red house", "no"]
ENCODED = np.array([to_text(talk("?", one)) for one in TRUTH], dtype=object)
ANSWERS = np.array([["yes ", "2.0", "2"], ["The house is red", "9.0", "6"], ["", "1.0", "2"]])


def test_every_token_weighs_the_same_and_every_answer() -> None:
    found = point(TextGeneration(), ANSWERS, ENCODED)
    assert found["token-loss"] == pytest.approx(12 / 10)
    assert found["perplexity"] == pytest.approx(math.exp(1.2))
    assert found["exact-match"] == pytest.approx(1 / 3)
    assert found["token-f1"] == pytest.approx((1.0 + 2 * 3 / 7 + 0.0) / 3)


def test_f1_counts_words_as_often_as_they_are_there() -> None:
    said, due = np.array(["a a b", "", ""]), np.array(["a b b", "", "x"])
    np.testing.assert_allclose(f1(said, due), [2 * 2 / 6, 1.0, 0.0])


def test_intervals_hold_the_figures_and_a_better_loss_is_a_gain() -> None:
    task = TextGeneration()
    scored = score(task, ANSWERS, ENCODED, resamples=200)
    for name, metric in scored.items():
        assert metric.low <= metric.value <= metric.high, name
    better = ANSWERS.copy()
    better[:, 1] = ["1.0", "4.0", "0.5"]
    spec = generation_metrics()["token-loss"]
    gain = paired_difference(spec, better, ANSWERS, ENCODED, resamples=200)
    assert gain.value == pytest.approx((12 - 5.5) / 10)


def test_without_a_reference_there_is_no_loss() -> None:
    answers = np.array([["yes", "nan", "0"]])
    assert math.isnan(point(TextGeneration(), answers, ENCODED[:1])["token-loss"])
