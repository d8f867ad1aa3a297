"""Every layout of sounds: class folders, loose files, tables, Common Voice, ``datasets`` with Audio."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import Audio, Dataset, DatasetDict

from crosstune.core.sound import Sound
from crosstune.data.errors import AmbiguousColumn, UnusableColumn
from crosstune.data.infer import SPEECH, infer_task
from crosstune.data.labelled import LabelledData
from crosstune.data.read import read
from tests.data.making import png
from tests.data.sounding import RATE, babble, sound_bytes, sound_folders, write_sound

SAID = ["one fine day", "two fine days", "it rains", "no more rain", "who is there", "nobody is"]


def sound_of(data: LabelledData, split: str = "all", row: int = 0) -> Sound:
    (found,) = data.items(split).batch([row])
    assert isinstance(found, Sound)
    return found


def files(folder: Path, count: int = 6, suffix: str = "wav") -> list[str]:
    kind = {"wav": "WAV", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG"}[suffix]
    for number in range(count):
        write_sound(folder / f"{number}.{suffix}", babble(number, seconds=0.3), kind=kind)
    return [f"{number}.{suffix}" for number in range(count)]


def test_class_folders_of_sounds(tmp_path: Path) -> None:
    data = read(sound_folders(tmp_path))
    assert (data.modality, data.inputs, data.target) == ("audio", ("audio",), "label")
    assert data.items("all").targets() == ["no"] * 6 + ["yes"] * 6
    assert infer_task(data)[0] == "audio-classification"
    assert "the inputs are sounds" in infer_task(data)[1]
    assert np.allclose(sound_of(data, row=7).samples, babble(101, seconds=0.4), atol=1e-4)


def test_what_there_is_more_of_decides_the_kind_of_class_folders(tmp_path: Path) -> None:
    sound_folders(tmp_path, each=2)
    (tmp_path / "no" / "cover.png").write_bytes(png(1))
    data = read(tmp_path)
    assert data.modality == "audio"
    assert "files that are no sounds (1 x .png)" in data.notes[0]


def test_loose_sounds_are_for_predict(tmp_path: Path) -> None:
    files(tmp_path, 3, "ogg")
    for subject, count in ((tmp_path, 3), (tmp_path / "1.ogg", 1)):
        data = read(subject, need_target=False)
        assert (data.modality, data.target, data.rows()) == ("audio", None, count)
        assert sound_of(data).rate == RATE


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "frame"])
@pytest.mark.parametrize("target", ["text", "transcript", "transcription", "sentence"])
def test_tables_of_paths_with_transcripts(form: str, target: str, tmp_path: Path, monkeypatch: Any) -> None:
    rows = {"path": files(tmp_path), "speaker": list("aabbcc"), target: SAID}
    subject: Any = tmp_path / f"table.{form}"
    if form in {"csv", "tsv"}:
        pd.DataFrame(rows).to_csv(subject, index=False, sep="\t" if form == "tsv" else ",")
    elif form == "jsonl":
        lines = [json.dumps(dict(zip(rows, row, strict=True))) for row in zip(*rows.values(), strict=True)]
        subject.write_text("\n".join(lines))
    elif form == "parquet":
        pd.DataFrame(rows).to_parquet(subject)
    else:
        subject = pd.DataFrame(rows)
        monkeypatch.chdir(tmp_path)
    data = read(subject, group="speaker")
    assert (data.modality, data.inputs, data.target) == ("audio", ("path",), target)
    assert infer_task(data)[0] == SPEECH
    assert sound_of(data, row=2).samples == pytest.approx(babble(2, seconds=0.3), abs=1e-4)


def test_a_manifest_of_parts(tmp_path: Path) -> None:
    write_sound(tmp_path / "talk.flac", babble(1, seconds=3.0), kind="FLAC")
    lines = [{"audio_filepath": "talk.flac", "offset": at, "duration": 0.5, "text": said}
             for at, said in zip((0.0, 1.0, 2.5), SAID, strict=False)]  # fmt: skip
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    data = read(tmp_path / "manifest.jsonl")
    assert data.inputs == ("audio_filepath",)
    assert sound_of(data, row=1).samples == pytest.approx(
        babble(1, seconds=3.0)[RATE : RATE * 3 // 2], abs=1e-4
    )
    digests = data.items("all").row_digests
    assert len(set(digests)) == 3


def common_voice(root: Path, said: list[str]) -> Path:
    names = files(root / "clips", len(said), "mp3")
    for split in ("train", "dev", "test", "validated", "other"):
        with (root / f"{split}.tsv").open("w", encoding="utf-8") as handle:
            handle.write("client_id\tpath\tsentence\tup_votes\tage\n")
            handle.writelines(f"c{n}\t{name}\t{text}\t2\t\n" for n, (name, text) in enumerate(zip(names, said, strict=True)))  # fmt: skip  # noqa: E501
    return root


def test_common_voice(tmp_path: Path) -> None:
    said = ['"Stop," he said.', "It's fine.", 'A 12" record', *SAID[:3]]
    data = read(common_voice(tmp_path, said))
    assert list(data.splits) == ["train", "validation", "test"]
    assert (data.inputs, data.target) == (("path",), "sentence")
    assert data.items("train").targets() == said
    assert data.items("test").origins()[0] == "test.tsv:2"
    assert sound_of(data, "validation").rate == RATE
    assert "validated.tsv" in data.notes[0]
    alone = read(tmp_path / "dev.tsv")
    assert sound_of(alone, row=5).seconds == pytest.approx(0.3)


def test_quotation_marks_of_other_tables_are_still_quotation_marks(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter="\t")
        writer.writerows([["path", "sentence"], *zip(files(tmp_path, 2), ['a "b" c', "d\te"], strict=True)])
    assert read(path).items("all").targets() == ['a "b" c', "d\te"]


def audio_rows() -> dict[str, list[Any]]:
    cells = [{"bytes": sound_bytes(babble(n, seconds=0.3)), "path": None} for n in range(6)]
    return {"audio": cells, "file": [f"old/place/{n}.flac" for n in range(6)], "text": SAID}


def test_audio_columns_of_datasets_are_not_decoded_by_it(tmp_path: Path) -> None:
    dataset = Dataset.from_dict(audio_rows()).cast_column("audio", Audio(sampling_rate=8_000))
    dataset.save_to_disk(str(tmp_path / "saved"))
    dataset.to_parquet(str(tmp_path / "train.parquet"))
    subjects = (dataset, DatasetDict({"train": dataset}), tmp_path / "saved", tmp_path / "train.parquet")
    for subject in (*subjects, dataset.select([3, 4, 5, 0, 1, 2])):
        data = read(subject)
        assert (data.modality, data.inputs, data.target) == ("audio", ("audio",), "text")
        found = sound_of(data, next(iter(data.splits)))
        assert found.rate == RATE  # as it was recorded
    assert found.samples == pytest.approx(babble(3, seconds=0.3), abs=1e-4)


def test_bytes_in_a_table() -> None:
    encoded = [sound_bytes(babble(n, seconds=0.2), kind="FLAC") for n in range(4)]
    data = read(pd.DataFrame({"clip": encoded, "label": list("abab")}))
    assert (data.modality, data.inputs) == ("audio", ("clip",))
    assert sound_of(data, row=3).seconds == pytest.approx(0.2)


def test_two_columns_of_paths_are_a_question() -> None:
    rows = {"near": ["a.wav", "b.wav"], "far": ["c.wav", "d.wav"], "label": ["x", "y"]}
    with pytest.raises(AmbiguousColumn, match="near, far"):
        read(Dataset.from_dict(rows))
    assert read(Dataset.from_dict(rows), inputs=("far",)).inputs == ("far",)


def test_numbers_are_no_sounds() -> None:
    with pytest.raises(UnusableColumn):
        read(Dataset.from_dict({"audio": [1, 2], "label": ["x", "y"]}), inputs=("audio",))


def test_a_text_is_the_input_where_there_is_no_sound() -> None:
    data = read(Dataset.from_dict({"text": SAID, "label": list("ababab")}))
    assert (data.modality, data.target) == ("text", "label")
