"""One sentence says whether pretraining helped, and it never says more than the interval does."""

from dataclasses import replace

import pytest

from crosstune.core.controls import Gain
from crosstune.core.metric import Metric
from crosstune.reports.card import render_card
from crosstune.reports.controls import answer, controls_table
from tests.support.sample_summary import classification, controls, regression


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (Metric(0.0485, 0.0312, 0.0658), "helped by 0.049 (95 % interval 0.031 to 0.066)"),
        (Metric(-0.0201, -0.0301, -0.0101), "did harm: -0.020 (95 % interval -0.030 to -0.010)"),
        (Metric(0.0051, -0.0101, 0.0203), "made no difference that could be told: 0.005"),
    ],
)
def test_the_sentence_follows_the_interval(metric: Metric, words: str) -> None:
    gain = Gain(ours="frozen body", theirs="frozen random body", metric=metric)
    sentence = answer(replace(controls(), gains=(gain,)), "accuracy")
    assert words in sentence.replace("\u2212", "-")
    assert sentence.startswith("Pretraining on texts ")
    assert sentence.endswith(
        "(Accuracy on 2,000 test examples, frozen body against frozen random body, 3 seeds each)."
    )


def test_the_table_names_seeds_sweep_and_what_is_missing() -> None:
    table = controls_table(classification())
    assert table
    assert [row[0] for row in table.rows] == [
        "frozen body (package:minilm)", "frozen random body (package:minilm)",
    ]  # fmt: skip
    assert table.rows[0][3][:3] == ("yes", "fpt", "0.001")
    assert table.rows[0][3][3].count(",") == 2
    assert "the best of 2 rates" in table.note
    assert "Not made: a model of the data's own kind (none can be opened here)." in table.note
    assert controls_table(regression()) is None


def test_the_card_holds_sentence_and_table() -> None:
    card = render_card(classification())
    assert "## Did pretraining help?" in card
    assert "Pretraining on texts helped by 0.049" in card
    assert "| frozen random body (package:minilm) |" in card
    assert "Did pretraining help" not in render_card(regression())
