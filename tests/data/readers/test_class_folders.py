"""Class folders: classes by name, splits only where folders say so, everything left out is said."""

from pathlib import Path

import pytest

from crosstune.data.errors import BadSplit, UnknownLayout
from crosstune.data.readers.base import RawData
from crosstune.data.readers.class_folders import ClassFolders
from crosstune.data.store import ORIGIN, PROBLEM, values
from tests.data.making import class_folders, png, write


def read(root: Path) -> RawData:
    assert ClassFolders().claims(root)
    return ClassFolders().read(root)


def test_flat_class_folders(tmp_path: Path) -> None:
    class_folders(tmp_path, {"cat": 2, "10": 1})
    write(tmp_path / "cat" / "deep" / "x.JPG", png(9))
    write(tmp_path / ".hidden" / "a.png", png())
    write(tmp_path / "cat" / "._0.png", png())
    raw = read(tmp_path)
    assert list(raw.splits) == ["all"]
    assert values(raw.splits["all"], ORIGIN) == ["10/0.png", "cat/0.png", "cat/1.png", "cat/deep/x.JPG"]
    assert values(raw.splits["all"], "label") == ["10", "cat", "cat", "cat"]
    first = values(raw.splits["all"], "image")[0]
    assert first == {"bytes": None, "path": str(tmp_path / "10" / "0.png")}
    assert raw.notes == ()


def test_the_working_directory_is_read_like_every_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path, {"cat": 2, "a": 1})
    monkeypatch.chdir(tmp_path)
    here, there = read(Path()).splits["all"], read(tmp_path).splits["all"]
    for name in (ORIGIN, "label", "image"):
        assert values(here, name) == values(there, name)


def test_split_folders_in_all_spellings(tmp_path: Path) -> None:
    for folder, split in (("Train", "train"), ("val", "validation"), ("dev", "validation"), ("test", "test")):
        root = class_folders(tmp_path / folder / "data", {"a": 1, "b": 1})
        root.rename(tmp_path / "x")
        (tmp_path / folder).rmdir()
        (tmp_path / "x").rename(tmp_path / folder)
        if folder == "dev":
            with pytest.raises(BadSplit, match="validation"):
                read(tmp_path)
            (tmp_path / "dev").rename(tmp_path / "extra")
        assert split in read(tmp_path).splits
    raw = read(tmp_path)
    assert list(raw.splits) == ["test", "train", "validation"] or set(raw.splits) == {
        "train",
        "validation",
        "test",
    }
    assert values(raw.splits["train"], ORIGIN) == ["Train/a/0.png", "Train/b/0.png"]
    assert any("extra" in note for note in raw.notes)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    raw = read(class_folders(tmp_path, {"train": 1, "car": 1}))
    assert list(raw.splits) == ["all"]
    assert values(raw.splits["all"], "label") == ["car", "train"]


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 2, "b": 1})
    (tmp_path / "empty").mkdir()
    write(tmp_path / "a" / "notes.md", "x")
    write(tmp_path / "loose.png", png())
    raw = read(tmp_path)
    assert len(raw.splits["all"]) == 3
    text = " ".join(raw.notes)
    assert "1 x .md" in text
    assert "1 files that lie beside" in text
    assert "empty" in text


def test_texts_in_class_folders(tmp_path: Path) -> None:
    write(tmp_path / "pos" / "1.txt", "good \u00e9")
    write(tmp_path / "neg" / "1.txt", b"bad \xe9")
    raw = read(tmp_path)
    assert (raw.modality, raw.inputs) == ("text", ("text",))
    assert values(raw.splits["all"], "text") == ["", "good \u00e9"]
    assert [problem and problem.split("|")[0] for problem in values(raw.splits["all"], PROBLEM)] == [
        "invalid-utf8",
        None,
    ]


def test_circles_of_links_end_and_links_are_followed(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 1})
    (tmp_path / "a" / "round").symlink_to(tmp_path / "a")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert values(read(tmp_path).splits["all"], ORIGIN) == ["a/0.png", "b/0.png"]


def test_folders_without_data_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.pdf", "x")
    with pytest.raises(UnknownLayout, match=r"1 x \.pdf"):
        read(tmp_path)
