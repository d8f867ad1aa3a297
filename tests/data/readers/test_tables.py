"""Parquet, folders of table files, saved datasets, data in memory, loose images, the Hub, the registry."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.data import store
from crosstune.data.errors import BadSplit, DataNotFound, UnknownLayout, UnreadableFile, UnusableColumn
from crosstune.data.images import decode
from crosstune.data.readers import hub
from crosstune.data.readers.registry import read_raw
from crosstune.data.store import ORIGIN, values
from tests.data.making import class_folders, picture, png, write


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=5) | st.none(), st.floats(allow_nan=False) | st.none()), min_size=1)
)
def test_parquet_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    pq.write_table(
        pa.table({"text": [row[0] for row in rows], "y": pa.array([row[1] for row in rows], "f8")}), path
    )
    split = read_raw(path).splits["all"]
    assert list(zip(values(split, "text"), values(split, "y"), strict=True)) == rows
    assert values(split, ORIGIN) == [f"a.parquet:{row + 1}" for row in range(len(rows))]


def test_parquet_knows_declared_names_and_broken_files(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features).to_parquet(
        tmp_path / "a.parquet"
    )
    assert read_raw(tmp_path / "a.parquet").declared == {"label": ("no", "yes")}
    whole = (tmp_path / "a.parquet").read_bytes()
    for content in (b"", b"text", whole[:-20], whole[:40]):
        with pytest.raises(UnreadableFile):
            read_raw(write(tmp_path / "b.parquet", content))


def test_a_large_table_is_memory_mapped_from_the_cache_and_keyed_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "IN_MEMORY", 0)
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    path = write(tmp_path / "data" / "a.csv", "text,label\na,1\nb,2\n")
    for _ in range(2):
        split = read_raw(path).splits["all"]
        assert values(split, "text") == ["a", "b"]
        assert split.cache_files
    assert len(list((tmp_path / "cache" / "tables").glob("*.arrow"))) == 1
    write(path, "text,label\na,1\nc,2\n")
    assert values(read_raw(path).splits["all"], "text") == ["a", "c"]
    assert [below.name for below in path.parent.iterdir()] == ["a.csv"]


def test_a_folder_with_a_file_for_each_split(tmp_path: Path) -> None:
    for name in ("train.csv", "val.csv", "other.csv"):
        write(tmp_path / name, f"text,label\n{name},1\n")
    raw = read_raw(tmp_path)
    assert {split: values(found, "text") for split, found in raw.splits.items()} == {
        "train": ["train.csv"],
        "validation": ["val.csv"],
    }
    assert "other.csv" in raw.notes[0]
    write(tmp_path / "test.jsonl", '{"text": "a"}')
    with pytest.raises(UnknownLayout, match="more than one format"):
        read_raw(tmp_path)


def test_shards_below_data_and_a_lone_table(tmp_path: Path) -> None:
    for shard in range(2):
        path = tmp_path / "hub" / "data" / f"train-0000{shard}-of-00002.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"text": [f"{shard}"]}), path)
    raw = read_raw(str(tmp_path / "hub"))
    assert values(raw.splits["train"], "text") == ["0", "1"]
    assert values(raw.splits["train"], ORIGIN)[1] == "data/train-00001-of-00002.parquet:1"

    write(tmp_path / "lone" / "labels.csv", "file,label\nimages/0.png,a\n")
    class_folders(tmp_path / "lone", {"images": 1})
    assert values(read_raw(tmp_path / "lone").splits["all"], "label") == ["a"]


def test_saved_datasets_open_in_place(tmp_path: Path) -> None:
    whole = Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, 0]})
    whole.save_to_disk(tmp_path / "one")
    DatasetDict({"train": whole, "validation": whole, "unsupervised": whole}).save_to_disk(tmp_path / "many")
    one, many = read_raw(tmp_path / "one"), read_raw(tmp_path / "many")
    assert values(one.splits["all"], ORIGIN) == ["row 0", "row 1", "row 2"]
    assert values(many.splits["validation"], ORIGIN)[2] == "validation[2]"
    assert "unsupervised" in many.notes[0]
    before = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert before == sorted(path.name for path in (tmp_path / "one").iterdir())
    (tmp_path / "one" / "state.json").write_text("{")
    with pytest.raises(UnreadableFile):
        read_raw(tmp_path / "one")


def test_a_shuffled_dataset_keeps_its_order() -> None:
    whole = Dataset.from_dict({"text": list("abcdef"), "label": [0, 1] * 3}).select([5, 0, 3])
    assert values(read_raw(whole).splits["all"], "text") == ["f", "a", "d"]


def test_splits_without_a_useful_name() -> None:
    part = Dataset.from_dict({"text": ["a"]})
    assert list(read_raw(DatasetDict({"everything": part})).splits) == ["all"]
    with pytest.raises(BadSplit):
        read_raw(DatasetDict({"one": part, "two": part}))


def test_data_frames_hold_texts_pictures_arrays_and_mixed_columns() -> None:
    image = picture(1)
    frame = pd.DataFrame(
        {
            "pil": [image, None],
            "array": [np.asarray(image), np.asarray(image)],
            "label": pd.Categorical(["a", "b"]),
            "mixed": ["x", 3],
            "number": [1.5, None],
        },
        index=[7, 7],
    )
    split = read_raw(frame).splits["all"]
    for name in ("pil", "array"):
        assert np.array_equal(np.asarray(decode(values(split, name)[0])), np.asarray(image))
    assert values(split, "pil")[1] is None
    assert values(split, "label") == ["a", "b"]
    assert values(split, "mixed") == ["x", "3"]
    assert values(split, "number") == [1.5, None]
    assert values(split, ORIGIN) == ["row 0", "row 1"]
    with pytest.raises(UnusableColumn, match="`odd`"):
        read_raw(pd.DataFrame({"odd": [object(), {1}]}))


def test_loose_images_have_no_target(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "notes.md"):
        write(tmp_path / name, png())
    raw = read_raw(tmp_path)
    assert raw.target is None
    assert values(raw.splits["all"], ORIGIN) == ["a.png", "b.png"]
    assert values(read_raw(tmp_path / "b.png").splits["all"], ORIGIN) == ["b.png"]


def test_the_hub_is_asked_only_for_names_that_are_no_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def load(name: str, configuration: str | None, cache_dir: str) -> DatasetDict:
        asked.append((name, configuration))
        if name == "org/gone":
            raise datasets.exceptions.DatasetNotFoundError("no such dataset")
        return DatasetDict({"train": Dataset.from_dict({"text": ["a"], "label": ["x"]})})

    monkeypatch.setattr(hub, "load_dataset", load)
    assert list(read_raw("org/name:en").splits) == ["train"]
    with pytest.raises(DataNotFound, match="the Hub did not give"):
        read_raw("org/gone")
    assert asked == [("org/name", "en"), ("org/gone", None)]
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("photos/trian", "data.csv", str(tmp_path / "gone.csv"), tmp_path / "gone", 3):
        with pytest.raises(DataNotFound):
            read_raw(name)
    assert len(asked) == 2


def test_an_unknown_layout_shows_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "a.docx", "x")
    for path in (tmp_path, tmp_path / "a.docx"):
        with pytest.raises(UnknownLayout, match=r"\.docx"):
            read_raw(path)
    with pytest.raises(DataNotFound, match="did you mean"):
        read_raw(tmp_path / "a.doc")
