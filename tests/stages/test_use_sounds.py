"""Sounds named to ``predict``: files, folders, tables, each with its origin."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crosstune.data.check import check
from crosstune.stages.use import NothingToPredict, gather
from tests.data.sounding import babble, write_sound

MODEL: Any = SimpleNamespace(backbone=SimpleNamespace(modality="audio"), inputs=("audio",), task=None)


def test_files_folders_and_tables_of_sounds_are_gathered(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    for number, name in enumerate(("a.wav", "deep/b.mp3", "c.flac")):
        kind = {"wav": "WAV", "mp3": "MP3", "lac": "FLAC"}[name[-3:]]
        write_sound(folder / name, babble(number, seconds=0.3), kind=kind)
    (folder / "notes.txt").write_text("no sound")
    table = tmp_path / "more.csv"
    table.write_text("audio,start,end\nclips/a.wav,0.1,0.2\nclips/gone.wav,,\n")
    data, origins = gather(MODEL, [str(folder), str(table), str(folder / "a.wav")])
    names = ["a.wav", "c.flac", "deep/b.mp3"]
    assert origins == [
        *(str(folder / name) for name in names),
        "more.csv:2",
        "more.csv:3",
        str(folder / "a.wav"),
    ]
    assert data.modality == "audio"
    problems = {item.index: item.code for item in check(data).bad}
    assert problems == {4: "missing-file"}
    found = data.items("all").batch([0, 3, 5])
    assert [sound.seconds for sound in found] == pytest.approx([0.3, 0.1, 0.3])


def test_a_folder_without_sounds_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    with pytest.raises(NothingToPredict, match="sound files"):
        gather(MODEL, [str(tmp_path)])
