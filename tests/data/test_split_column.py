"""A column called ``split``: of data that came alone, under whatever name, and of data with splits."""

from pathlib import Path

from datasets import Dataset, DatasetDict

from crosstune.data.read import read
from tests.data.making import write

ROWS = {"text": ["a", "b", "c"], "label": ["x", "y", "x"], "split": ["train", "val", "test"]}


def test_what_datasets_calls_train_is_taken_apart_like_every_table_that_comes_alone(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "text,label,split\na,x,train\nb,y,val\nc,x,test\n")
    for data in (DatasetDict(train=Dataset.from_dict(ROWS)), Dataset.from_dict(ROWS), tmp_path):
        found = read(data)
        assert {name: found.items(name).batch([0]) for name in found.splits} == {
            "train": ["a"], "validation": ["b"], "test": ["c"]
        }  # fmt: skip
        assert found.notes == ()


def test_where_there_are_splits_the_column_is_not_used_and_that_is_said() -> None:
    rows = Dataset.from_dict(ROWS)
    found = read(DatasetDict(train=rows, test=rows))
    assert {name: len(found.splits[name]) for name in found.splits} == {"train": 3, "test": 3}
    assert found.notes == ("the column `split` is not used: the data come as the splits train, test",)
