"""Making splits: every row in exactly one, proportions, groups, equal contents, the same seed."""

from collections import Counter
from typing import Any

import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.data.check import check
from crosstune.data.errors import BadSplit, TooFewRows
from crosstune.data.labelled import LabelledData
from crosstune.data.read import read
from crosstune.data.splits import make_splits, wanted_size
from crosstune.data.store import values

CLASSES = "text-classification"


def data_of(labels: list[Any], texts: Any = None, **columns: Any) -> LabelledData:
    texts = texts or [f"text {row}" for row in range(len(labels))]
    group = next(iter(columns), None)
    return read(Dataset.from_dict({"text": texts, "label": labels, **columns}), group=group)


def origins(data: st.DataObject) -> dict[str, list[str]]:
    return {name: data.items(name).origins() for name in data.splits}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=12, max_size=120), st.integers(0, 3))
def test_every_row_lands_in_exactly_one_split_and_classes_keep_their_share(
    labels: list[Any], seed: int
) -> None:
    data = data_of(labels)
    made = make_splits(data, task=CLASSES, seed=seed)
    assert list(made.splits) == ["train", "validation", "test"]
    found = origins(made)
    assert sorted(origin for part in found.values() for origin in part) == sorted(data.items("all").origins())
    assert set(made.items("train").targets()) == set(labels)
    counts = Counter(labels)
    size = wanted_size("test", len(labels))
    test = Counter(made.items("test").targets())
    if all(count >= 4 for count in counts.values()):
        assert sum(test.values()) == size
        assert all(abs(test[name] - size * count / len(labels)) < 1 for name, count in counts.items())
    assert found == origins(make_splits(data, task=CLASSES, seed=seed))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 15)), min_size=30, max_size=90),
    st.integers(0, 3),
)
def test_groups_never_straddle(rows: Any, seed: int) -> None:
    data = data_of([row[0] for row in rows], who=[row[1] for row in rows])
    try:
        made = make_splits(data, task=CLASSES, seed=seed)
    except TooFewRows:
        assert len({row[1] for row in rows}) < 12
        return
    groups = [set(made.splits[name]["who"]) for name in made.splits]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert sum(len(split) for split in made.splits.values()) == len(rows)
    assert "whole values of `who`" in made.notes[-1]


def test_sizes() -> None:
    assert [wanted_size("test", rows) for rows in (3, 100, 60_000, 1_000_000)] == [1, 20, 10_000, 10_000]
    assert [wanted_size("validation", rows) for rows in (2, 100, 200, 1000, 50_000)] == [1, 25, 50, 150, 5000]


def test_splits_that_are_there_stay() -> None:
    part = Dataset.from_dict({"text": [f"t{row}" for row in range(40)], "label": ["a", "b"] * 20})
    data = read(DatasetDict({"train": part, "test": part}))
    made = make_splits(data, task=CLASSES, seed=0)
    assert origins(made)["test"] == [f"test[{row}]" for row in range(40)]
    assert {name: len(split) for name, split in made.splits.items()} == {
        "train": 30,
        "validation": 10,
        "test": 40,
    }
    assert made.notes == ("made the validation split: 10 of 40 training rows, in proportion to the classes",)
    whole = read(DatasetDict({"train": part, "validation": part, "test": part}))
    assert make_splits(whole, task=CLASSES, seed=0) is whole


def test_another_seed_is_another_split() -> None:
    data = data_of(["a", "b"] * 40)
    assert origins(make_splits(data, task=CLASSES, seed=0)) != origins(
        make_splits(data, task=CLASSES, seed=1)
    )


def test_a_rare_class_stays_in_train() -> None:
    made = make_splits(data_of(["a"] * 50 + ["b"] * 50 + ["rare"]), task=CLASSES, seed=0)
    assert "rare" in made.items("train").targets()


def test_equal_contents_stay_together_after_the_check() -> None:
    texts = [f"text {row % 30}" for row in range(120)]
    labels = ["ab"[row % 2] for row in range(120)]
    report = check(data_of(labels, texts))
    made = make_splits(report.clean(), task=CLASSES, seed=0)
    found = [set(made.items(name).batch(range(len(made.splits[name])))) for name in made.splits]
    assert sum(map(len, found)) == len(set().union(*found)) == 30
    assert "duplicates-across-splits" not in [finding.code for finding in check(made).findings]
    for name, split in made.splits.items():
        assert len(made.digests[name]) == len(split)
        assert made.items(name).digest == check(made).clean().items(name).digest


def test_multi_label_keeps_every_label_in_train() -> None:
    labels = [["a", "b"], ["a"], [], ["b", "c"]] * 10 + [["d", "a"]]
    made = make_splits(data_of(labels), task=CLASSES, seed=3)
    assert {name for row in made.items("train").targets() for name in row} == set("abcd")


def test_a_regression_is_stratified_by_its_target() -> None:
    numbers = [float(row) for row in range(1000)]
    made = make_splits(data_of(numbers), task="text-regression", seed=0)
    tenths = Counter(int(value // 100) for value in made.items("test").targets())
    assert set(tenths.values()) == {20}


def test_rows_without_a_group_are_free() -> None:
    data = data_of(["a", "b"] * 50, who=[None] * 90 + ["x"] * 10)
    made = make_splits(data, task=CLASSES, seed=0)
    assert 15 <= len(made.splits["test"]) <= 25


@pytest.mark.parametrize(
    ("labels", "who"),
    [(["a", "b"], None), (["a"], None), (["a", "b"] * 20, ["x"] * 40), (["a", "b"] * 2, list("xxyy"))],
)
def test_too_few_rows_or_groups(labels: list[Any], who: list[Any] | None) -> None:
    data = data_of(labels, **({"who": who} if who else {}))
    with pytest.raises(TooFewRows):
        make_splits(data, task=CLASSES, seed=0)


def test_no_training_split() -> None:
    data = read(DatasetDict({"test": Dataset.from_dict({"text": ["a"], "label": ["b"]})}))
    with pytest.raises(BadSplit, match="no training split"):
        make_splits(data, task=CLASSES, seed=0)


def test_transcripts_are_no_classes(tmp_path: Any) -> None:
    paths = [str(tmp_path / f"{row}.wav") for row in range(40)]
    said = [f"sentence number {row}" for row in range(40)]
    speakers = [f"s{row // 4}" for row in range(40)]
    data = read(Dataset.from_dict({"audio": paths, "text": said, "speaker": speakers}))
    made = make_splits(data, task="automatic-speech-recognition", seed=0)
    assert {name: len(split) for name, split in made.splits.items()} == {
        "train": 24,
        "validation": 8,
        "test": 8,
    }
    assert "at random" in made.notes[-1]
    grouped = make_splits(data, task="automatic-speech-recognition", seed=0, group="speaker")
    sides = [set(values(split, "speaker")) for split in grouped.splits.values()]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 10
