"""Class names that each split declares for itself: none is read by those of another."""

from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from crosstune.data.errors import UnreadableFile
from crosstune.data.read import read


def encoded(rows: list[tuple[str, int]], names: list[str] | None) -> Dataset:
    kind = ClassLabel(names=names) if names else Value("int64")
    return Dataset.from_dict(
        {"text": [text for text, _ in rows], "label": [number for _, number in rows]},
        features=Features({"text": Value("string"), "label": kind}),
    )


TRAIN = [("one", 0), ("two", 1), ("three", 2)]


def found(data: DatasetDict | Path) -> dict[str, list[object]]:
    held = read(data)
    return {name: held.items(name).targets() for name in held.splits}


@pytest.mark.parametrize("parquet", [False, True])
def test_each_split_is_read_by_its_own_names(parquet: bool, tmp_path: Path) -> None:
    data = DatasetDict(train=encoded(TRAIN, ["a", "b", "c"]), test=encoded([("four", 1)], ["a", "c"]))
    if parquet:
        for name, split in data.items():
            split.to_parquet(tmp_path / f"{name}.parquet")
    assert found(tmp_path if parquet else data) == {"train": ["a", "b", "c"], "test": ["c"]}


def test_splits_that_declare_nothing_are_read_by_the_names_of_the_others() -> None:
    names = ["a", "b", "c"]
    data = DatasetDict(train=encoded(TRAIN, names), test=encoded([("four", 1)], None))
    assert found(data)["test"] == ["b"]
    assert read(data).declared == ("a", "b", "c")
    texts = Dataset.from_dict({"text": ["four"], "label": ["c"]})
    assert found(DatasetDict(train=texts, test=encoded(TRAIN, names))) == {
        "train": ["c"], "test": ["a", "b", "c"]
    }  # fmt: skip


def test_parts_of_one_split_must_agree(tmp_path: Path) -> None:
    encoded(TRAIN, ["a", "b", "c"]).to_parquet(tmp_path / "train-00000-of-00002.parquet")
    encoded(TRAIN, ["c", "b", "a"]).to_parquet(tmp_path / "train-00001-of-00002.parquet")
    with pytest.raises(UnreadableFile, match="name classes differently"):
        read(tmp_path)
