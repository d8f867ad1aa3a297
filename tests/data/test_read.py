"""Reading: columns found or named, image paths made absolute, splits told apart, targets typed."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Image, Value

from crosstune.data.errors import AmbiguousColumn, BadSplit, MissingColumn, TooFewRows, UnusableColumn
from crosstune.data.read import read
from crosstune.data.store import PROBLEM
from tests.data.making import class_folders, picture, png, write


def csv_of(tmp_path: Path, text: str) -> Path:
    return write(tmp_path / "data.csv", text)


def test_class_folders_need_no_words(tmp_path: Path) -> None:
    data = read(class_folders(tmp_path, {"a": 1, "b": 2}))
    assert (data.inputs, data.target, data.modality) == (("image",), "label", "image")
    items = data.items("all")
    assert items.targets() == ["a", "b", "b"]
    assert [image.mode for image in items.batch([2, 0])] == ["RGB", "RGB"]


def test_obvious_columns_are_found(tmp_path: Path) -> None:
    data = read(csv_of(tmp_path, "id,text,label\n7,hello,a\n8,you,b\n"))
    assert (data.inputs, data.target, data.modality) == (("text",), "label", "text")
    data = read(csv_of(tmp_path, "premise,hypothesis,label\nx,y,0\n"))
    assert data.inputs == ("premise", "hypothesis")
    assert data.items("all").batch([0]) == [("x", "y")]


def test_unclear_and_missing_columns_are_errors(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "first,second,label,target\nx,y,a,b\n")
    with pytest.raises(AmbiguousColumn, match="--target label"):
        read(path)
    with pytest.raises(AmbiguousColumn, match="--input"):
        read(path, target="label")
    with pytest.raises(MissingColumn, match="did you mean `--target label`"):
        read(path, target="lable")
    with pytest.raises(MissingColumn, match="--group"):
        read(path, target="label", group="patient")
    for inputs in (["label"], ["first", "first"], ["first", "second", "target"]):
        with pytest.raises(UnusableColumn):
            read(path, target="label", inputs=inputs)
    assert read(path, target="label", inputs=["second"]).items("all").batch([0]) == ["y"]


def test_a_target_is_missing_in_one_split(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "text,label\nx,a\n")
    write(tmp_path / "test.csv", "text\nx\n")
    with pytest.raises(MissingColumn, match="test"):
        read(tmp_path, target="label")


def test_predict_needs_no_target(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "text\nx\n")
    with pytest.raises(AmbiguousColumn):
        read(path)
    assert read(path, need_target=False).target is None
    assert read(path, target="label", need_target=False).target is None
    path = csv_of(tmp_path, "text,label,split\nx,,test\ny,a,train\n")
    data = read(path, need_target=False)
    assert (list(data.splits), data.target) == (["all"], None)
    assert data.items("all").batch([0, 1]) == ["x", "y"]
    assert read(path, target="label", need_target=False).target == "label"
    folders = read(class_folders(tmp_path / "photos", {"a": 1}), need_target=False)
    assert folders.target is None


def test_image_paths_start_at_the_file_or_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "img" / "1.png", png(1))
    path = csv_of(tmp_path, f"file,label\nimg/1.png,a\n{tmp_path}/img/1.png,b\n")
    data = read(path)
    assert data.modality == "image"
    assert {cell["path"] for cell in data.splits["all"]["file"]} == {str(tmp_path / "img" / "1.png")}
    assert data.items("all").batch([0])[0].size == (6, 4)
    monkeypatch.chdir(tmp_path / "img")
    frame = pd.DataFrame({"image": ["1.png"], "label": ["a"]})
    assert read(frame).items("all").batch([0])[0].size == (6, 4)


def test_parquet_images_as_bytes_cells_and_paths(tmp_path: Path) -> None:
    write(tmp_path / "1.png", png(1))
    for name, cells in {
        "bytes": pa.array([png(1), png(2)], pa.binary()),
        "cells": pa.array([{"bytes": png(1), "path": "x.png"}, {"bytes": None, "path": "1.png"}]),
        "paths": pa.array(["1.png", "1.png"], pa.large_string()),
    }.items():
        pq.write_table(pa.table({"image": cells, "label": [0, 1]}), tmp_path / f"{name}.parquet")
        items = read(tmp_path / f"{name}.parquet").items("all")
        assert [image.size for image in items.batch([1, 0])] == [(6, 4), (6, 4)]


def test_datasets_with_image_and_class_features() -> None:
    features = Features({"image": Image(), "label": ClassLabel(names=["zebra", "ape"])})
    dataset = Dataset.from_dict({"image": [picture(1), picture(2)], "label": [0, 1]}, features=features)
    data = read(dataset)
    assert data.declared == ("zebra", "ape")
    assert data.items("all").targets() == ["zebra", "ape"]
    assert data.items("all").batch([1])[0].tobytes() == picture(2).tobytes()


def test_a_split_column_in_all_spellings(tmp_path: Path) -> None:
    text = "text,label,Split\na,1,train\nb,2,VAL\nc,1,test\nd,2,train\n"
    data = read(csv_of(tmp_path, text))
    assert {name: data.items(name).batch(range(len(data.splits[name]))) for name in data.splits} == {
        "train": ["a", "d"],
        "validation": ["b"],
        "test": ["c"],
    }
    with pytest.raises(BadSplit, match="holdout"):
        read(csv_of(tmp_path, text + "e,1,holdout\n"))
    data = read(csv_of(tmp_path, "text,label,split\na,1,banana\nb,2,ice\n"))
    assert list(data.splits) == ["all"]
    assert "names no splits" in data.notes[0]
    assert len(read(csv_of(tmp_path, text + "broken\n")).splits["train"]) == 3


def test_numbers_in_csv_targets_are_recognised_over_all_splits(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "text,label\nx,9\ny,10\n")
    write(tmp_path / "test.csv", "text,label\nx,9.0\n")
    data = read(tmp_path)
    assert data.items("train").targets() == [9, 10]
    assert data.items("test").targets() == [9]
    write(tmp_path / "test.csv", "text,label\nx,nine\n")
    assert read(tmp_path).items("train").targets() == ["9", "10"]


def test_lists_are_kept_and_odd_targets_refused(tmp_path: Path) -> None:
    rows = [{"text": "x", "label": ["a", "b"]}, {"text": "y", "label": []}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert read(path).items("all").targets() == [["a", "b"], []]
    pq.write_table(pa.table({"text": ["x"], "label": [{"a": 1}]}), tmp_path / "a.parquet")
    with pytest.raises(UnusableColumn, match="cannot be a target"):
        read(tmp_path / "a.parquet")
    with pytest.raises(UnusableColumn, match="neither an image nor a text"):
        read(Dataset.from_dict({"x": [1], "label": [0]}), inputs=["x"])


def test_invalid_text_in_parquet_is_kept_with_its_reason(tmp_path: Path) -> None:
    broken = pa.array([b"caf\xe9", b"fine"], pa.binary()).view(pa.string())
    for number, column in enumerate((broken, pa.array([b"caf\xe9", b"fine"], pa.binary()))):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"text": column, "label": ["a", "b"]}), path)
        data = read(path)
        assert data.items("all").batch([0, 1]) == ["caf\ufffd", "fine"]
        assert data.splits["all"][PROBLEM][0] == "invalid-utf8|byte 4 of the text is not UTF-8"


def test_no_rows_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(TooFewRows):
        read(csv_of(tmp_path, "text,label\n"))


def test_values_of_other_columns_stay(tmp_path: Path) -> None:
    data = read(csv_of(tmp_path, "text,label,domain\nx,1,news\ny,2,web\n"), group="domain")
    assert data.splits["all"]["domain"][:] == ["news", "web"]
    assert data.splits["all"].features["domain"] == Value("string")


def test_conversations_without_their_task_are_told_of_it() -> None:
    talk = pd.DataFrame({"prompt": ["Is it hot?", "And now?"], "completion": ["Yes.", "No."]})
    with pytest.raises(AmbiguousColumn, match="add `--task text-generation`"):
        read(talk)
