"""The real sets of the regret benchmark: parts of wanted sizes, disjoint, in proportion, the same again."""

import csv
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.support.benchmark_scripts import benchmark_script

sets = benchmark_script("regret_sets")
common = benchmark_script("common")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (sets, common):
        monkeypatch.setattr(module, "DATA", tmp_path)
    return tmp_path


def test_parts_are_disjoint_in_proportion_and_the_same_again() -> None:
    labels = ["a"] * 300 + ["b"] * 100
    random.Random(0).shuffle(labels)  # noqa: S311 - a test
    counts = {"train": 200, "validation": 40, "test": 80}
    parts = sets.in_parts(labels, counts)
    assert {split: len(rows) for split, rows in parts.items()} == counts
    assert len({row for rows in parts.values() for row in rows}) == 320
    for split, count in counts.items():
        assert abs(Counter(labels[row] for row in parts[split])["a"] - 0.75 * count) <= 2
    assert sets.in_parts(labels, counts) == parts
    with pytest.raises(ValueError, match="400 examples, but 401 are wanted"):
        sets.in_parts(labels, {"train": 401})


def test_a_group_lies_in_one_part_only() -> None:
    rows = [
        {"id": f"{i}_{j}", "text": "x", "rating": "0", "group": str(i)} for i in range(30) for j in range(4)
    ]
    parts = sets.whole_groups(rows, {"validation": 18, "train": 70})
    assert [len(part) for part in parts.values()] == [18, 70]
    groups = [{row["group"] for row in part} for part in parts.values()]
    assert not groups[0] & groups[1]
    with pytest.raises(ValueError, match="for train, but 110"):
        sets.whole_groups(rows, {"validation": 18, "train": 110})


def test_texts_of_the_test_half_are_in_no_other_part(data: Path) -> None:
    source = data / "sentiment" / "tweets"
    source.mkdir(parents=True)
    halves = {
        "train": [f"text {i}" for i in range(9)] + ["Text  1"],
        "test": ["text 0", "other", "more", "other"],
    }
    for half, texts in halves.items():
        with (source / f"{half}.csv").open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerows([("id", "text", "rating"), *((i, text, i) for i, text in enumerate(texts))])
    fields = {"modality": "text", "source": "sentiment", "metric": "pearson", "target": "rating"}
    folder = sets.write_set(sets.RealSet(name="tweets", train=6, validation=2, test=3, **fields))
    found = {}
    for split in ("train", "validation", "test"):
        with (folder / f"{split}.csv").open(newline="") as handle:
            rows = list(csv.DictReader(handle))
        assert list(rows[0]) == ["text", "rating"]
        found[split] = [row["text"] for row in rows]
    assert sorted(found["test"]) == ["more", "other", "text 0"]
    assert sorted(found["train"] + found["validation"]) == [f"text {i}" for i in range(1, 9)]


def test_a_set_is_written_once_and_again_where_it_is_another(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def read(counts: dict[str, int]) -> dict[str, list[tuple[str, bytes]]]:
        calls.append(counts)
        return {split: [(f"a/{row % 2}", b"png") for row in range(count)] for split, count in counts.items()}

    monkeypatch.setitem(sets.READERS, "made", read)
    fields = {"name": "made", "modality": "image", "source": "made", "metric": "accuracy"}
    one = sets.RealSet(**fields, train=4, validation=2, test=2)
    folder = sets.write_set(one)
    assert sets.write_set(one) == folder == data / "regret" / "made" / "data"
    assert len(calls) == 1
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    assert names[:2] == ["test/a or 0/00000.png", "test/a or 1/00001.png"]
    assert len(names) == 8
    sets.write_set(sets.RealSet(**fields, train=6, validation=2, test=2))
    assert len(calls) == 2
    assert len(list(folder.rglob("*.png"))) == 10


def test_every_set_leaves_room_for_its_three_parts() -> None:
    assert len(sets.SETS) == 8
    digits, mnist = sets.SETS["digits"], sets.SETS["mnist-2000"]
    assert digits.train + digits.validation + digits.test == 1797
    assert mnist.train + mnist.validation + mnist.test <= 5000
