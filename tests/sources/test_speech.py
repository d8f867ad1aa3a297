"""Recognisers: what they write, whom they listen to, and that transformers reads what is saved."""

from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.frozen.answers import model_answers
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.registry import open_model
from crosstune.sources.saved import open_saved
from crosstune.tasks.registry import make_task
from crosstune.tasks.speech_recognition import SpeechRecognition
from tests.support.speech import TASK, open_recogniser, song_items, sung, tiny_recogniser_dir
from tests.support.tiny import MemoryItems

FAMILIES = ("wav2vec2", "hubert", "wav2vec2-bert")


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_recogniser_dir(tmp_path_factory.mktemp("tiny") / request.param, family=request.param)


def test_a_trained_head_is_kept_and_said_to_write_capitals(folder: Path) -> None:
    backbone = open_recogniser(folder)
    assert backbone.spelling is not None
    assert backbone.spelling.symbols == ("<pad>", "<s>", "</s>", "<unk>", "|", "A", "B", "C")
    assert backbone.spelling.capitals
    assert backbone.head_trained
    assert backbone.blocks[-1].layout == "BTC"


def test_symbols_that_it_lacks_get_rows_of_their_own(folder: Path) -> None:
    before, after = open_recogniser(folder), open_recogniser(folder, "abcd")
    old, new = before.head_module(), after.head_module()
    assert after.spelling is not None
    assert after.spelling.symbols[-1] == "D"
    torch.testing.assert_close(new.weight[: len(old.weight)], old.weight, rtol=0, atol=0)
    assert len(new.weight) == len(old.weight) + 1
    assert any("D" in note for note in after.notes)


def test_what_an_utterance_is_heard_as_does_not_depend_on_the_batch(folder: Path) -> None:
    backbone, items = open_recogniser(folder), song_items(6)
    with torch.no_grad():
        together = backbone.logits(backbone.model(**backbone.preprocessing(items.raw)))
        for row, raw in enumerate(items.raw):
            alone = backbone.logits(backbone.model(**backbone.preprocessing([raw])))
            frames = alone.shape[1]
            torch.testing.assert_close(together[row, :frames], alone[0], rtol=1e-4, atol=1e-4)
            padding = together[row, frames:].softmax(-1)
            assert (padding[:, 0] == 1.0).all()


def test_saved_and_reopened_it_answers_the_same_and_so_does_transformers(
    folder: Path, tmp_path: Path
) -> None:
    from transformers import pipeline

    backbone = open_recogniser(folder, "abcd")
    assert backbone.spelling is not None
    songs = ["abc ab", "ca bca", "bb", "abcabc cab"]  # transformers cannot read shorter ones alone
    items = MemoryItems([sung(text, each_s=0.1) for text in songs], songs)
    task = SpeechRecognition(backbone.spelling, "upper")
    ours = model_answers(backbone, items, task.answers)
    assert any(ours.tolist())
    backbone.save(tmp_path / "model", task.hub_config())
    again = open_saved(tmp_path / "model")
    assert again.spelling == backbone.spelling
    assert model_answers(again, items, task.answers).tolist() == ours.tolist()
    recognise = pipeline(task.name, model=str(tmp_path / "model"))
    theirs = [recognise(one.at(recognise.feature_extractor.sampling_rate))["text"] for one in items.raw]
    assert [" ".join(text.split()) for text in theirs] == ours.tolist()


def test_without_a_vocabulary_the_head_is_new(tmp_path: Path) -> None:
    task = make_task(TASK, ["ab c", "b"])
    assert isinstance(task, SpeechRecognition)
    options = OpenOptions(task=TASK, outputs=0, symbols=task.symbols)
    backbone = open_model(str(tiny_recogniser_dir(tmp_path / "body", symbols=())), options)
    assert backbone.spelling is not None
    assert backbone.spelling.symbols == ("<pad>", "|", "a", "b", "c")
    assert not backbone.head_trained
    backbone.save(tmp_path / "saved", {})
    again = open_saved(tmp_path / "saved")
    assert again.spelling == backbone.spelling


def test_random_weights_come_from_the_seed(tmp_path: Path) -> None:
    folder = tiny_recogniser_dir(tmp_path / "body")
    one, two = (open_recogniser(folder, pretrained=False, seed=3) for _ in range(2))
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, two.model.state_dict()[name])
    assert not one.head_trained


@pytest.mark.parametrize("content", ['{"a": 0, "b": 2}', '{"a": 0, "b": 1}'])
def test_a_vocabulary_that_cannot_be_read_is_an_error(tmp_path: Path, content: str) -> None:
    folder = tiny_recogniser_dir(tmp_path / "body")
    (folder / "vocab.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnsupportedModel, match="spell by characters"):
        open_recogniser(folder)


def test_answers_are_the_same_whatever_the_batch_size(folder: Path) -> None:
    backbone, items = open_recogniser(folder), song_items(7)
    assert backbone.spelling is not None
    task = SpeechRecognition(backbone.spelling)
    found = [model_answers(backbone, items, task.answers, batch_size=size) for size in (1, 3, 7)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
