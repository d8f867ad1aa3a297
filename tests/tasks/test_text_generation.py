"""The task of answering, without a model: targets, alarms, how bad an answer is, what is kept."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.core.codec import pack, unpack
from crosstune.core.conversation import Conversation
from crosstune.core.conversation_text import to_text
from crosstune.core.errors import UnknownName
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.evaluation.mistakes import confusion, worst
from crosstune.tasks.base import LossSum
from crosstune.tasks.errors import BadTarget
from crosstune.tasks.registry import make_task, task_from_json
from crosstune.tasks.structured import NO_HEAD, Scored, Structured, TeacherForced
from crosstune.tasks.text_generation import TextGeneration, answer_loss
from tests.support.chats import talk


@dataclass(frozen=True)
class Spelled:
    """A dialogue of single letters: the answer and a stop are trained."""

    size: int = 128
    longest: int = 8
    told: str = "spelled"

    def sequence(self, conversation: Conversation) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """Spell what is asked and what is answered."""
        asked, answer = (one.content for one in conversation.messages[-2:])
        ids = [*map(ord, f"{asked}{answer}"), 1]
        return tuple(ids[: self.longest]), tuple([False] * len(asked) + [True] * (len(answer) + 1))[
            : self.longest
        ]

    def decode(self, numbers: list[int]) -> str:
        """Read letters up to the stop."""
        return "".join(map(chr, numbers)).partition("\1")[0]


TASK = TextGeneration.of(Spelled())
ROWS = [to_text(talk("ab", "c")), to_text(talk("a", "de")), to_text(talk("abcdefgh", "i"))]


def answers(*texts: str, totals: float = 1.0) -> Any:
    return np.array([[text, repr(totals), "2"] for text in texts], dtype=np.str_)


def test_it_keeps_the_promises_of_structured_tasks() -> None:
    assert isinstance(TASK, Structured)
    assert isinstance(TASK, TeacherForced)
    assert isinstance(TASK, Scored)
    assert TASK.linear_kind() == NO_HEAD
    with pytest.raises(TypeError):
        TASK.linear_targets(TASK.encode(ROWS))
    assert TASK.folded() == TASK
    assert task_from_json(json.loads(json.dumps(TASK.to_json()))) == TASK
    with pytest.raises(UnknownName):
        TASK.make_loss(Settings(loss="focal"), TASK.encode(ROWS))


def test_conversations_without_an_answer_are_no_targets() -> None:
    with pytest.raises(BadTarget, match="position 1"):
        make_task("text-generation", [ROWS[0], "only asked"])


def test_targets_are_shifted_once_and_cut_answers_have_none() -> None:
    found = TASK.collate(TASK.encode(ROWS))
    none = IGNORED
    assert found[:, 0].tolist() == [
        [97, 98, 99, none, none, none, none], [97, 100, 101, none, none, none, none],
        [97, 98, 99, 100, 101, 102, 103],
    ]  # fmt: skip
    assert found[:, 1].tolist() == [
        [none, 99, 1, none, none, none, none], [100, 101, 1, none, none, none, none], [none] * 7,
    ]  # fmt: skip
    read = TASK.decoder_inputs(found)
    assert read["input_ids"][0].tolist() == [97, 98, 99, 0, 0, 0, 0]
    assert read["attention_mask"].sum(dim=1).tolist() == [3, 3, 7]
    assert read["places"].tolist() == [[1, 2, -1], [0, 1, 2], [-1, -1, -1]]


def test_the_loss_is_a_sum_over_trained_tokens() -> None:
    targets = TASK.collate(TASK.encode(ROWS))
    logits = torch.randn(3, 3, 128, generator=torch.Generator().manual_seed(0), requires_grad=True)
    found = LossSum(*(one.detach() for one in answer_loss(logits, targets)))
    chances = logits.detach().double().log_softmax(-1)
    by_hand = -sum(float(chances[row, place, token]) for row, place, token in
                   [(0, 0, 99), (0, 1, 1), (1, 0, 100), (1, 1, 101), (1, 2, 1)])  # fmt: skip
    assert float(found.total) == pytest.approx(by_hand, rel=1e-5)
    assert float(found.weight) == 5.0
    scored = TASK.scored(TASK.answers(torch.tensor([[99, 1], [100, 1], [100, 1]])), logits.detach(), targets)
    assert scored[:, 0].tolist() == ["c", "d", "d"]
    assert scored[:, 2].tolist() == ["2", "3", "0"]
    assert sum(map(float, scored[:, 1])) == pytest.approx(by_hand, rel=1e-5)


def test_a_batch_without_anything_to_learn_changes_nothing() -> None:
    targets = TASK.collate(TASK.encode(ROWS[2:]))
    logits = torch.randn(1, 1, 128, requires_grad=True)
    found = LossSum(*(one.detach() for one in answer_loss(logits, targets)))
    assert (float(found.total), float(found.weight)) == (0.0, 0.0)


def test_answers_can_be_kept_in_the_journal() -> None:
    found, arrays = answers("a", "longer"), {}
    assert np.array_equal(unpack(json.loads(json.dumps(pack(found, arrays))), arrays, {}), found)


def test_alarms() -> None:
    encoded = TASK.encode([to_text(talk("?", "ab"[row % 2])) for row in range(8)])
    assert TASK.alarm(answers(*"abababab"), encoded) is None
    silent = TASK.alarm(answers(*[""] * 8), encoded)
    assert silent is not None
    assert "[nothing-written]" in silent
    same = TASK.alarm(answers(*["a"] * 8), encoded)
    assert same is not None
    assert "[one-answer]" in same
    assert TASK.alarm(answers("a", "a"), encoded[:2]) is None


def test_the_worst_answer_is_the_one_with_the_fewest_right_words() -> None:
    encoded = TASK.encode([to_text(talk("?", one)) for one in ("a b", "a b", "a b")])
    found = answers("a b", "a", "c")
    assert worst(TASK, found, encoded) == [2, 1]
    assert confusion(TASK, found, encoded).shape == (0, 0)
    assert TASK.truths(encoded) == ["a b"] * 3
    assert TASK.decode(found)[1] == {"text": "a"}


def test_disagreement_sees_texts_and_probabilities() -> None:
    ours = answers("a", "b")
    assert TASK.disagreement(ours, ours) == 0.0
    assert TASK.disagreement(ours, answers("a", "c")) == 0.5
    assert TASK.disagreement(ours, answers("a", "b", totals=1.1)) == 1.0


def test_a_model_trained_by_another_template_is_refused() -> None:
    read = TextGeneration.from_json(TASK.to_json())
    assert read.bound(Spelled()).dialogue == Spelled()
    for other in (None, Spelled(told="another"), Spelled(size=5)):
        with pytest.raises(ValueError, match="template"):
            read.bound(other)
    with pytest.raises(TypeError, match="not bound"):
        read.collate(read.encode(ROWS))
