"""A recogniser that writes piece by piece, from a manifest to a report and to transformers' pipeline."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import crosstune
from crosstune.artifacts.errors import NotAModel
from crosstune.core.errors import BadValue
from crosstune.core.sound import Sound
from tests.support.speech import RATE, sung, tiny_transcriber_dir, write_songs

TASK = "automatic-speech-recognition"
BAD = {
    "too-many-tokens": ("a b c " * 8, 1.0, "25 tokens with the end, 20 can be written"),
    "no-supervised-tokens": ("xyz", 1.0, "no token for 'xyz'"),
    "longer-than-the-window": ("abc", 3.0, "3.0 s long, 2 s are heard"),
}
"""Text and seconds of rows that cannot be learnt, and why."""


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    manifest = write_songs(tmp_path_factory.mktemp("speech") / "songs", 36)
    table = pd.read_csv(manifest)
    table["split"] = ["train"] * 20 + ["validation"] * 8 + ["test"] * 8
    for code, (text, seconds, _) in BAD.items():
        file = f"{code}.wav"
        soundfile.write(manifest.parent / file, sung("abcabc", each_s=seconds / 6).samples, RATE)
        table.loc[len(table)] = [file, text, "train"]
    table.to_csv(manifest, index=False)
    return manifest


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_transcriber_dir(tmp_path_factory.mktemp("model") / "whisper")


@pytest.fixture(scope="module")
def run(songs: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    crosstune.fit(
        songs, target="text", inputs=["path"], model=str(model), out=out, budget="none", trials=0,
        epochs=2.0, lr=1e-3, strategy="full", language="en", max_bad=0.2, engine="torch",
    )  # fmt: skip
    return out


def test_the_figures_are_those_of_the_predictions(run: Path) -> None:
    import jiwer

    found = json.loads((run / "metrics.json").read_text())
    assert (found["task"], found["primary_metric"]) == (TASK, "wer")
    table = pd.read_parquet(run / "predictions.parquet")
    heard = table["text"].tolist()
    assert found["test"]["wer"]["value"] == pytest.approx(jiwer.wer(table["target"].tolist(), heard))
    assert set(found["baselines"]) == {"pretrained model, not tuned"}


@pytest.mark.parametrize("code", BAD)
def test_rows_that_cannot_be_learnt_are_set_aside_and_named(run: Path, code: str) -> None:
    rows = pd.read_csv(run / "bad_items.csv")
    (row,) = rows[rows["code"] == code].to_dict("records")
    assert row["split"] == "train"
    assert row["reason"] == BAD[code][2]
    assert code in (run / "report.html").read_text()


def test_predict_and_transformers_write_the_same(run: Path, songs: Path) -> None:
    from transformers import pipeline

    files = [str(songs.parent / f"{number:03d}.wav") for number in range(5)]
    ours = [row["text"] for row in crosstune.predict(run, files)]
    recognise = pipeline(TASK, model=str(run / "model"))
    sounds = [soundfile.read(file, dtype="float32") for file in files]
    rate = recognise.feature_extractor.sampling_rate
    heard = [recognise(Sound(samples, own).at(rate))["text"] for samples, own in sounds]
    assert [" ".join(text.split()) for text in heard] == ours
    assert any(ours)


def test_prompt_and_language_are_recorded(run: Path) -> None:
    task = json.loads((run / "model" / "crosstune-model.json").read_text())["task"]
    assert (task["form"], task["writing"], len(task["prompt"])) == ("transcription", "plain", 4)
    assert json.loads((run / "model" / "generation_config.json").read_text())["language"] == "en"
    assert "<|startoftranscript|><|en|><|transcribe|><|notimestamps|>" in (run / "run.log").read_text()


def test_another_prompt_than_that_of_training_is_refused(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(run / "model", copy)
    said = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps(said | {"language": "de"}))
    record = json.loads((copy / "crosstune.json").read_text())
    record["options"]["language"] = None
    (copy / "crosstune.json").write_text(json.dumps(record))
    with pytest.raises(NotAModel, match="prompt"):
        crosstune.load(copy)


def test_the_figures_of_a_saved_run_come_again(run: Path, songs: Path) -> None:
    table = pd.read_csv(songs)
    table[table["split"] == "test"].to_csv(songs.parent / "test.csv", index=False)
    again = crosstune.evaluate(run, songs.parent / "test.csv")
    first = json.loads((run / "metrics.json").read_text())["test"]
    assert again["wer"].value == pytest.approx(first["wer"]["value"])
    assert np.isfinite(again["cer"].high)


def test_a_language_must_be_named(songs: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="must be told which"):
        crosstune.fit(
            songs, target="text", inputs=["path"], model=str(model), out=tmp_path / "run", budget="none",
            max_bad=0.2,
        )  # fmt: skip
