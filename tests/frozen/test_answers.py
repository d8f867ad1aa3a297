"""Answers of the whole model: order, batches, and outputs that are not finite."""

from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.frozen.answers import model_answers
from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.tasks.speech_recognition import SpeechRecognition
from tests.support.speech import open_recogniser, song_items, tiny_recogniser_dir
from tests.support.tiny import MemoryItems


def test_answers_come_in_the_order_of_the_items(tmp_path: Path) -> None:
    backbone = open_recogniser(tiny_recogniser_dir(tmp_path / "tiny"))
    items = song_items(6)
    task = SpeechRecognition(backbone.spelling)  # type: ignore[arg-type]
    whole = model_answers(backbone, items, task.answers, batch_size=4)
    turned = model_answers(backbone, MemoryItems(items.raw[::-1], []), task.answers, batch_size=4)
    assert whole.tolist() == turned.tolist()[::-1]
    assert np.array_equal(model_answers(backbone, MemoryItems([], []), task.answers), np.array([], np.str_))


def test_outputs_that_are_not_finite_are_named(tmp_path: Path) -> None:
    backbone = open_recogniser(tiny_recogniser_dir(tmp_path / "tiny"))
    with torch.no_grad():
        backbone.head_module().bias.fill_(float("nan"))
    task = SpeechRecognition(backbone.spelling)  # type: ignore[arg-type]
    with pytest.raises(NonFiniteFeatures):
        model_answers(backbone, song_items(2), task.answers)
