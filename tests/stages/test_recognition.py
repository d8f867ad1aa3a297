"""A recogniser from a manifest to a report, on songs: the whole path of a task without a closed-form head."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import crosstune
from crosstune.core.errors import BadValue
from crosstune.core.sound import Sound
from tests.support.speech import tiny_recogniser_dir, write_songs
from tests.support.tiny import MemoryItems

TASK = "automatic-speech-recognition"


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_songs(tmp_path_factory.mktemp("speech") / "songs", 48)


@pytest.fixture(scope="module")
def run(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    model = tiny_recogniser_dir(folder / "model", family="hubert")
    crosstune.fit(
        songs, target="text", inputs=["path"], model=str(model), out=folder / "run", budget="none",
        trials=0, epochs=3.0, lr=3e-3, strategy="full",
    )  # fmt: skip
    return folder / "run"


def test_the_figures_are_those_of_the_predictions(run: Path) -> None:
    found = json.loads((run / "metrics.json").read_text())
    assert found["task"] == TASK
    assert found["primary_metric"] == "wer"
    table = pd.read_parquet(run / "predictions.parquet")
    said, heard = table["target"].str.upper().tolist(), table["text"].tolist()
    import jiwer

    assert found["test"]["wer"]["value"] == pytest.approx(jiwer.wer(said, heard))
    assert found["test"]["cer"]["value"] == pytest.approx(jiwer.cer(said, heard))
    assert set(found["baselines"]) == {"pretrained model, not tuned"}


def test_a_body_without_a_vocabulary_gets_that_of_the_transcripts(songs: Path, tmp_path: Path) -> None:
    model = tiny_recogniser_dir(tmp_path / "model", family="wav2vec2-bert", symbols=())
    crosstune.fit(
        songs, target="text", inputs=["path"], model=str(model), task=TASK, out=tmp_path / "run",
        budget="none", trials=0, epochs=1.0, lr=3e-3, strategy="full", pretrained=False,
    )  # fmt: skip
    vocabulary = json.loads((tmp_path / "run" / "model" / "vocab.json").read_text())
    assert sorted(vocabulary, key=vocabulary.__getitem__) == ["<pad>", "|", "a", "b", "c"]
    assert len(crosstune.predict(tmp_path / "run", [str(songs.parent / "000.wav")])) == 1


def test_the_page_plays_the_worst_utterances(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "Word error rate on the test split" in page
    assert page.count("<audio controls") == len(json.loads((run / "summary.json").read_text())["mistakes"])


def test_predict_evaluate_and_transformers_agree(run: Path, songs: Path) -> None:
    from transformers import pipeline

    files = [str(songs.parent / f"{number:03d}.wav") for number in range(3)]
    ours = [row["text"] for row in crosstune.predict(run, files)]
    recognise = pipeline(TASK, model=str(run / "model"))
    sounds = [soundfile.read(file, dtype="float32") for file in files]
    rate = recognise.feature_extractor.sampling_rate
    heard = [recognise(Sound(samples, own).at(rate))["text"] for samples, own in sounds]
    assert [" ".join(text.split()) for text in heard] == ours
    whole = crosstune.evaluate(run, songs)
    assert whole["cer"].value >= 0.0
    assert np.isfinite(whole["wer"].high)


def test_beams_are_searched_by_predict_evaluate_and_in_tables(run: Path, songs: Path, tmp_path: Path) -> None:
    files = [str(songs.parent / f"{number:03d}.wav") for number in range(6)]
    sounds = MemoryItems([Sound(*soundfile.read(file, dtype="float32")) for file in files])
    model = crosstune.load(run)
    searched = model.with_beams(8).outputs(sounds).tolist()
    assert [row["text"] for row in crosstune.predict(run, files, beams=8)] == searched
    assert model.with_beams(1) is model
    with pytest.raises(BadValue, match="beams"):
        crosstune.predict(run, files, beams=0)
    wide = crosstune.evaluate(run, songs, beams=8, out=tmp_path / "wide.json")
    greedy = crosstune.evaluate(run, songs, out=tmp_path / "greedy.json")
    assert wide["cer"] != greedy["cer"]
    assert json.loads((tmp_path / "wide.json").read_text())["beams"] == 8
    assert "beams" not in json.loads((tmp_path / "greedy.json").read_text())
    table = crosstune.cross_evaluate([run], [songs], beams=8, out=tmp_path / "table.json")
    assert table.cells[0].metrics == wide
