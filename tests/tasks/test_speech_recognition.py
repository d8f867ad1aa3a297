"""Speech recognition as a task."""

import numpy as np
import pytest
import torch

from crosstune.core.errors import UnknownName
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.tasks.errors import BadTarget
from crosstune.tasks.registry import make_task, task_from_json
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.tasks.structured import Structured

SAID = ["Press one!", "Don't press two."]


@pytest.fixture
def task() -> SpeechRecognition:
    made = make_task("automatic-speech-recognition", SAID)
    assert isinstance(made, SpeechRecognition)
    return made


def test_symbols_come_from_the_training_transcripts(task: SpeechRecognition) -> None:
    assert task.spelling.symbols == ("<pad>", "|", "'", *"denoprstw")
    assert task.outputs == len(task.spelling.symbols)
    assert isinstance(task, Structured)


def test_targets_are_texts_and_batches_are_symbols(task: SpeechRecognition) -> None:
    encoded = task.encode(SAID)
    assert encoded.tolist() == ["press one", "don't press two"]
    batch = task.collate(encoded)
    assert batch.shape == (2, 15)
    assert (batch[0, 9:] == IGNORED).all()
    assert task.spelling.decode(batch[1].tolist()) == "don't press two"


def test_an_unknown_character_is_an_error_in_the_figure(task: SpeechRecognition) -> None:
    encoded = task.encode(["press q"])
    wer = task.metrics["wer"]
    assert wer.reduce(*wer.prepare(np.array(["press"]), encoded)) == 0.5


def test_answers_collapse_the_likeliest_symbols(task: SpeechRecognition) -> None:
    path = [0, *(task.spelling.index[one] for one in "ppr"), 0, task.spelling.index["|"]]
    outputs = torch.nn.functional.one_hot(torch.tensor([path]), task.outputs).float()
    assert task.answers(outputs).tolist() == ["pr"]
    assert task.decode(task.answers(outputs)) == [{"text": "pr"}]


@pytest.mark.parametrize(
    ("answers", "name"),
    [(["", ""], "only-blanks"), (["ee", "e"], "one-token-repeated"), (["one", ""], None)],
)
def test_alarms_have_names(task: SpeechRecognition, answers: list[str], name: str | None) -> None:
    alarm = task.alarm(np.array(answers), task.encode(SAID))
    assert (alarm is None) if name is None else alarm is not None and alarm.startswith(f"[{name}]")


def test_the_worst_come_first_and_right_ones_are_not_bad(task: SpeechRecognition) -> None:
    said = np.array(["one two", "three", "four five six"])
    bad = task.badness(np.array(["one two", "x", "a b c"]), said)
    assert bad[0] == 0
    assert bad[2] > bad[1] > 0


def test_empty_transcripts_are_named_with_their_position() -> None:
    with pytest.raises(BadTarget, match="at position 1"):
        make_task("automatic-speech-recognition", ["one", " ?! "])


def test_json_keeps_everything(task: SpeechRecognition) -> None:
    other = task.written_as("as-is", SAID)
    assert "!" in other.spelling.symbols
    assert task_from_json(other.to_json()) == other


def test_another_loss_is_an_error(task: SpeechRecognition) -> None:
    with pytest.raises(UnknownName, match="ctc"):
        task.make_loss(Settings(loss="mse"), task.encode(SAID))
