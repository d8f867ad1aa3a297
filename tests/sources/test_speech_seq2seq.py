"""Whisper as a recogniser: prompt, language, blocks, what it writes, and that transformers reads it."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crosstune.core.errors import BadValue
from crosstune.frozen.answers import model_answers
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.saved import open_saved
from crosstune.tasks.transcription import Transcription
from tests.support.speech import TASK, open_recogniser, open_transcriber, song_items, tiny_transcriber_dir


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_transcriber_dir(tmp_path_factory.mktemp("tiny") / "whisper")


def test_the_prompt_names_language_and_task(folder: Path) -> None:
    for language, mark in (("en", "<|en|>"), ("German", "<|de|>"), ("<|de|>", "<|de|>")):
        pieces = open_transcriber(folder, language).pieces
        assert pieces is not None
        assert pieces.told == f"<|startoftranscript|>{mark}<|transcribe|><|notimestamps|>"
        assert pieces.most == 24 - len(pieces.prompt) == 20


def test_a_model_of_one_language_is_told_none(tmp_path: Path) -> None:
    folder = tiny_transcriber_dir(tmp_path / "english", languages=False)
    pieces = open_transcriber(folder, None).pieces
    assert pieces is not None
    assert pieces.told == "<|startoftranscript|><|notimestamps|>"
    with pytest.raises(UnsupportedModel, match="one language"):
        open_transcriber(folder, "en")


@pytest.mark.parametrize("language", [None, "fr", "no-such-language"])
def test_a_language_is_never_guessed(folder: Path, language: str | None) -> None:
    with pytest.raises(BadValue, match="must be told which"):
        open_transcriber(folder, language)


def test_only_blocks_of_the_encoder_can_be_cut(folder: Path) -> None:
    backbone = open_transcriber(folder)
    encoder = ["inner.model.encoder" in block.modules[-1] for block in backbone.blocks]
    assert [block.cut for block in backbone.blocks] == encoder == [True] * 3 + [False] * 3
    assert backbone.head_trained
    assert backbone.spelling is None


def test_in_training_it_reads_what_it_is_told(folder: Path) -> None:
    backbone, items = open_transcriber(folder), song_items(2)
    assert backbone.pieces is not None
    task, batch = Transcription.of(backbone.pieces, "plain"), backbone.preprocessing(items.raw)
    targets = task.collate(task.encode(items.targets()))
    with torch.no_grad():
        ours = backbone.model(**batch, **task.decoder_inputs(targets))
        theirs = backbone.model.inner(**batch, labels=targets)  # type: ignore[operator]
    prompt = len(backbone.pieces.prompt)
    assert ours.shape[:2] == targets.shape
    # transformers puts padding where the prompt belongs in their labels: only the start is the same.
    torch.testing.assert_close(ours[:, 0], theirs.logits[:, 0])
    with torch.no_grad():
        alone = backbone.model(**batch)
    torch.testing.assert_close(alone, ours[:, :prompt], rtol=1e-4, atol=1e-5)


def test_the_first_piece_that_is_written_is_the_likeliest_one(folder: Path) -> None:
    backbone, items = open_transcriber(folder), song_items(8)
    assert backbone.pieces is not None
    assert backbone.generate is not None
    batch = backbone.preprocessing(items.raw)
    said = backbone.model.inner.generation_config  # type: ignore[union-attr]
    written, logits = backbone.generate(**batch), backbone.model(**batch)[:, -1].detach()
    logits[:, [*said.suppress_tokens, *said.begin_suppress_tokens]] = -torch.inf
    assert written[:, 0].tolist() == logits.argmax(dim=1).tolist()


def test_saved_and_reopened_it_answers_the_same_and_so_does_transformers(
    folder: Path, tmp_path: Path
) -> None:
    from transformers import pipeline

    backbone, items = open_transcriber(folder, "de"), song_items(6)
    assert backbone.pieces is not None
    task = Transcription.of(backbone.pieces, "plain")
    ours = model_answers(backbone, items, task.answers, batch_size=4)
    assert len(set(ours.tolist())) > 1
    backbone.save(tmp_path / "model", task.hub_config())
    again = open_saved(tmp_path / "model")
    found = model_answers(again, items, task.bound(again.pieces).answers, batch_size=1)
    assert found.tolist() == ours.tolist()
    recognise = pipeline(TASK, model=str(tmp_path / "model"))
    rate = recognise.feature_extractor.sampling_rate
    theirs = [recognise(one.at(rate))["text"] for one in items.raw]
    assert [" ".join(text.split()) for text in theirs] == ours.tolist()


def test_logits_that_are_no_numbers_are_noticed(folder: Path) -> None:
    backbone = open_transcriber(folder)
    assert backbone.generate is not None
    with torch.no_grad():
        backbone.model.get_parameter("inner.model.decoder.layer_norm.bias").fill_(torch.nan)
    assert backbone.generate(**backbone.preprocessing(song_items(2).raw)).isnan().any(dim=1).all()


def test_a_copy_writes_by_its_own_weights(folder: Path) -> None:
    backbone = open_transcriber(folder)
    batch = backbone.preprocessing(song_items(2).raw)
    own = replace(backbone, model=copy.deepcopy(backbone.model))
    with torch.no_grad():
        own.model.get_parameter("inner.model.decoder.layer_norm.bias").fill_(torch.nan)
    assert own.generate is not None
    assert backbone.generate is not None
    assert own.generate(**batch).isnan().any()
    assert not backbone.generate(**batch).isnan().any()


def test_suppressed_pieces_can_be_allowed(folder: Path) -> None:
    model = open_transcriber(folder).model
    said = model.inner.generation_config  # type: ignore[union-attr]
    first, second = said.suppress_tokens
    assert model.allow({first, 1}) == [first]  # type: ignore[operator]
    assert said.suppress_tokens == [second]


def test_random_weights_come_from_the_seed(folder: Path) -> None:
    one, two = (open_transcriber(folder, pretrained=False, seed=3) for _ in range(2))
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, two.model.state_dict()[name])
    assert not one.head_trained
    assert one.pieces is not None
    assert one.pieces.told.startswith("<|startoftranscript|><|en|>")


def test_other_kinds_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "moonshine"}))
    with pytest.raises(UnsupportedModel, match="moonshine"):
        open_recogniser(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(Exception, match="bad-weights"):
        open_transcriber(tmp_path)


def test_without_its_tokenizer_it_is_refused(tmp_path: Path) -> None:
    folder = tiny_transcriber_dir(tmp_path / "whisper")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UnsupportedModel, match=r"tokenizer\.json"):
        open_transcriber(folder)
