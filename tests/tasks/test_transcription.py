"""Transcripts in pieces: what is learnt, what the decoder reads, answers, figures and alarms."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.errors import UnknownName
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.tasks.registry import task_from_json
from crosstune.tasks.structured import NO_HEAD, Structured, TeacherForced
from crosstune.tasks.token_loss import token_loss
from crosstune.tasks.transcription import Transcription


@dataclass(frozen=True)
class Letters:
    """Pieces that are letters: `a` is 0 and so on; 26 is the space, 27 the end, 28 and 29 the prompt."""

    prompt: tuple[int, ...] = (28, 29)
    end: int = 27
    size: int = 30
    most: int = 8
    told: str = "<start><en>"

    def encode(self, text: str) -> list[int]:
        """Number the letters."""
        return [26 if one == " " else ord(one) - ord("a") for one in text]

    def decode(self, numbers: list[int]) -> str:
        """Name the letters."""
        return "".join(" " if one == 26 else chr(ord("a") + one) for one in numbers if one < 27)


TASK = Transcription.of(Letters(), "plain")


def test_it_is_a_structured_task_that_is_taught() -> None:
    assert isinstance(TASK, Structured)
    assert isinstance(TASK, TeacherForced)
    assert TASK.linear_kind() == NO_HEAD
    assert TASK.make_loss(Settings(), np.array(["a"])) is token_loss
    with pytest.raises(UnknownName):
        TASK.make_loss(Settings(loss="ctc"), np.array(["a"]))


def test_each_place_of_the_decoder_is_asked_for_the_next_piece() -> None:
    targets = TASK.collate(np.array(["abc", "b"]))
    assert targets.tolist() == [[IGNORED, 0, 1, 2, 27], [IGNORED, 1, 27, IGNORED, IGNORED]]
    read = TASK.decoder_inputs(targets)["decoder_input_ids"]
    assert read.tolist() == [[28, 29, 0, 1, 2], [28, 29, 1, 27, 27]]


@given(st.lists(st.text("abc ", min_size=1, max_size=6), min_size=1, max_size=4))
def test_what_is_asked_at_a_place_is_what_is_read_at_the_next(texts: list[str]) -> None:
    targets = TASK.collate(np.array(texts))
    read = TASK.decoder_inputs(targets)["decoder_input_ids"]
    assert read.shape == targets.shape
    assert read[:, :2].tolist() == [[28, 29]] * len(texts)
    for row in range(len(texts)):
        for place in range(targets.shape[1] - 1):
            asked = int(targets[row, place])
            assert int(read[row, place + 1]) == (asked if asked != IGNORED else 27) or place == 0
    assert int(((targets != IGNORED).sum(dim=1) - 1).sum()) == sum(map(len, texts))


def test_answers_are_texts_and_a_row_without_numbers_is_empty() -> None:
    outputs = torch.tensor([[0.0, 1.0, 27.0], [torch.nan] * 3])
    assert TASK.answers(outputs).tolist() == ["ab", ""]
    assert TASK.decode(TASK.answers(outputs)) == [{"text": "ab"}, {"text": ""}]


def test_figures_do_not_count_capitals_and_punctuation() -> None:
    truth = TASK.encode(["Press one.", "HOLD ON!"])
    answers = np.array(["Press, one", "hold off."])
    assert truth.tolist() == ["press one", "hold on"]
    spec = TASK.metrics["wer"]
    assert spec.reduce(*spec.prepare(answers, truth)) == 0.25
    assert TASK.badness(answers, truth).round(3).tolist() == [0.0, 0.5]
    assert TASK.disagreement(answers, truth) == 1.0


def test_a_decoder_that_does_not_listen_is_named() -> None:
    truth = np.array(["ab c", "b", "c a"])
    for circles in (["a a a", "a", ""], ["", "", ""], ["aaaa", "a aa", "aaa"]):
        assert str(TASK.alarm(np.array(circles), truth)).startswith("[one-token-repeated]")
    assert str(TASK.alarm(np.array(["ab c"] * 3), truth)).startswith("[one-answer]")
    assert TASK.alarm(np.array(["ab c"] * 3), np.array(["ab c"] * 3)) is None
    assert TASK.alarm(np.array(["ab c", "b", "c"]), truth) is None


def test_json_keeps_the_task_without_its_tokenizer() -> None:
    read = task_from_json(json.loads(json.dumps(TASK.to_json())))
    assert read == TASK
    assert isinstance(read, Transcription)
    assert read.pieces is None
    with pytest.raises(TypeError, match="bound"):
        read.collate(np.array(["a"]))
    assert read.bound(Letters()).collate(np.array(["a"])).tolist() == [[IGNORED, 0, 27]]


@pytest.mark.parametrize("other", [None, Letters(prompt=(28,)), Letters(size=31)])
def test_the_pieces_of_another_model_are_refused(other: Letters | None) -> None:
    with pytest.raises(ValueError, match="does not write"):
        TASK.bound(other)


def test_a_form_that_no_release_has_is_named() -> None:
    with pytest.raises(UnknownName, match="form"):
        task_from_json({"task": TASK.name, "form": "sung"})
