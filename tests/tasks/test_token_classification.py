"""Tags of words: what is learnt, what is answered, what a person sees."""

import math

import numpy as np
import pytest
import torch

from crosstune.core.errors import UnknownName
from crosstune.core.labels import UnknownClass
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED, NO_WORD
from crosstune.core.words import marked
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.structured import NO_HEAD, InText, Structured
from crosstune.tasks.token_classification import TokenClassification, word_loss

ROWS = [["B-PER", "I-PER", "O"], ["O"], ["S-LOC", "B-PER", "E-PER"]]
TASK = TokenClassification.from_targets(ROWS)


def test_tags_of_any_scheme_are_one_inner_form() -> None:
    assert isinstance(TASK, Structured)
    assert isinstance(TASK, InText)
    assert TASK.linear_kind() == NO_HEAD
    assert TASK.tags == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    encoded = TASK.encode(ROWS)
    assert [row["tags"] for row in TASK.decode(encoded)] == [
        ["B-PER", "I-PER", "O"], ["O"], ["B-LOC", "B-PER", "I-PER"],
    ]  # fmt: skip
    iob1 = TASK.encode([["I-PER", "I-PER", "O"], ["O"], ["LOC", "I-PER", "I-PER"]])
    assert iob1.tolist() == encoded.tolist()


def test_targets_that_are_no_tags_are_refused() -> None:
    with pytest.raises(BadTarget):
        TokenClassification.from_targets([["O"], "O"])
    with pytest.raises(BadTarget):
        TASK.encode([[]])
    with pytest.raises(ConstantTarget):
        TokenClassification.from_targets([["O", "O"]])
    with pytest.raises(UnknownClass, match="LOCK"):
        TASK.encode([["B-LOCK"]])
    with pytest.raises(UnknownName):
        TASK.make_loss(Settings(loss="ctc"), TASK.encode(ROWS))
    assert TokenClassification.from_targets([["B-A"]], declared=["O", "B-Z", "I-Z"]).kinds == ("A", "Z")


def test_the_loss_is_over_words_whatever_the_micro_batches() -> None:
    outputs = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for row, words in enumerate((3, 1, 3)):
        outputs[row, words:] = NO_WORD
    targets = TASK.collate(TASK.encode(ROWS))
    assert targets.tolist() == [[3, 4, 0], [0, IGNORED, IGNORED], [1, 3, 4]]
    logs = outputs.log_softmax(-1)
    by_hand = -sum(
        float(logs[row, word, tag]) for row, tags in enumerate(targets.tolist())
        for word, tag in enumerate(tags) if tag != IGNORED
    )  # fmt: skip
    whole = word_loss(outputs, targets)
    assert float(whole.total) == pytest.approx(by_hand, rel=1e-6)
    assert float(whole.weight) == 7.0
    alone = [word_loss(outputs[i : i + 1], TASK.collate(TASK.encode(ROWS[i : i + 1]))) for i in range(3)]
    assert sum(float(one.total) for one in alone) == pytest.approx(by_hand, rel=1e-6)
    assert sum(float(one.weight) for one in alone) == 7.0


def test_answers_stop_where_the_words_do() -> None:
    outputs = torch.full((2, 4, 5), NO_WORD)
    outputs[0, :3] = torch.eye(5)[[3, 4, 0]]
    outputs[1, :1] = torch.eye(5)[[1]]
    answers = TASK.answers(outputs)
    assert [row["tags"] for row in TASK.decode(answers)] == [["B-PER", "I-PER", "O"], ["B-LOC"]]
    rows = TASK.in_text(answers, [marked("Ada Byron."), "Rome"])
    assert rows[0]["entities"] == [{"start": 0, "end": 9, "label": "PER", "text": "Ada Byron"}]
    assert TASK.shown(answers, [marked("Ada Byron."), "Rome"]) == ["Ada Byron (PER)", "Rome (LOC)"]


def test_badness_counts_entities_and_alarms_name_one_tag() -> None:
    truth = TASK.encode([["B-PER", "I-PER", "O"], ["B-LOC", "O", "O"]])
    cut = TASK.encode([["B-PER", "O", "O"], ["B-LOC", "O", "O"]])
    assert TASK.badness(cut, truth).tolist() == [2.0, 0.0]
    assert TASK.disagreement(cut, truth) == 0.5
    assert TASK.alarm(cut, truth) is None
    nothing = TASK.encode([["O"] * 3] * 2)
    assert "[one-answer]" in str(TASK.alarm(nothing, truth))
    assert TASK.alarm(nothing, nothing) is None
    assert math.isclose(float(np.sum(TASK.badness(truth, truth))), 0.0)
