"""The gate: every planted defect is found under its code and row, and nothing is invented."""

import csv
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from crosstune.data.check import check
from crosstune.data.errors import CheckFailed
from crosstune.data.gate.report import CheckReport, safe_cell
from crosstune.data.read import read
from tests.data.making import class_folders, encoded, picture, png, write


def found(report: CheckReport) -> dict[str, str]:
    return {item.origin: item.code for item in report.bad}


def codes(report: CheckReport, severity: str | None = None) -> Any:
    return [finding.code for finding in report.findings if severity in {None, finding.severity}]


def texts(rows: Any, **columns: Any) -> Dataset:
    return Dataset.from_dict({"text": [f"text {row} {columns}" for row in range(rows)], **columns})


def test_clean_data_has_no_warning(tmp_path: Path) -> None:
    report = check(read(class_folders(tmp_path, {"a": 4, "b": 3})))
    assert report.task == "image-classification"
    assert report.bad == ()
    assert codes(report) == ["class-counts"]
    assert report.class_counts == {"all": {"a": 4, "b": 3}}
    assert report.facts["image_side_median"] == 4.0
    assert report.facts["image_width_median"] == 6.0
    report.require()
    assert report.clean().items("all").targets() == report.data.items("all").targets()


def test_every_broken_image_is_named(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 4, "b": 4})
    planted = {
        "a/zero.png": (b"", "empty-file"),
        "a/half.jpg": (encoded(picture(90, size=(64, 64)), "JPEG")[:-300], "unreadable-image"),
        "b/text.png": (b"hello", "unreadable-image"),
    }
    for name, (content, _) in planted.items():
        write(tmp_path / name, content)
    write(tmp_path / "b" / "other.jpg", png(91))
    write(tmp_path / "b" / "clear.png", encoded(picture(92).convert("RGBA")))
    (tmp_path / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    report = check(read(tmp_path))
    assert found(report) == {name: code for name, (_, code) in planted.items()} | {
        "b/gone.png": "missing-file"
    }
    assert codes(report).count("image-treatment") == 2
    clean = report.clean()
    assert len(clean.splits["all"]) == 10
    assert len(clean.items("all").batch(range(10))) == 10
    assert clean.items("all").digests == tuple(
        digest for row, digest in enumerate(report.digests["all"]) if row not in {i.index for i in report.bad}
    )
    assert "4 rows were set aside (4 of all)" in clean.notes
    assert report.bad_share == pytest.approx(4 / 14)


def test_every_bad_row_of_a_table_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        b"text,label\ngood,x\n,x\n  ,y\nfine,y\nno target,\ncaf\xe9,x\nshort\nlast,y\n",
    )
    report = check(read(path))
    assert found(report) == {
        "a.csv:3": "empty-text",
        "a.csv:4": "empty-text",
        "a.csv:6": "missing-target",
        "a.csv:7": "invalid-utf8",
        "a.csv:8": "broken-row",
    }
    assert report.clean().items("all").batch(range(3)) == ["good", "fine", "last"]
    assert report.facts["text_chars_max"] == 4.0


def test_numbers_that_are_none(tmp_path: Path) -> None:
    rows = [*(f"text {row},{row / 7}" for row in range(40)), "a,inf", "b,nan", "c,", "d,oops"]
    report = check(read(write(tmp_path / "a.csv", "text,y\n" + "\n".join(rows))), task="text-regression")
    assert found(report) == {
        "a.csv:42": "bad-target",
        "a.csv:43": "bad-target",
        "a.csv:44": "missing-target",
        "a.csv:45": "bad-target",
    }
    assert report.clean().items("all").targets() == [row / 7 for row in range(40)]


def test_a_class_that_training_never_sees_is_set_aside() -> None:
    train = texts(4, label=["cat", "dog", "cat", "dog"])
    test = Dataset.from_dict({"text": ["p", "q", "r"], "label": ["dog", "cst", "owl"]})
    report = check(read(DatasetDict({"train": train, "test": test})))
    assert found(report) == {"test[1]": "unknown-class", "test[2]": "unknown-class"}
    assert "is it `cat`?" in report.bad[0].reason
    assert report.class_counts == {"train": {"cat": 2, "dog": 2}, "test": {"cat": 0, "dog": 1}}
    assert "class-missing-in-split" in codes(report, "warning")


def test_multi_label_rows_may_have_no_class_but_no_hole() -> None:
    train = texts(4, label=[["a"], [], ["a", "b"], ["b", None]])
    test = Dataset.from_dict({"text": ["p", "q"], "label": [["b"], ["a", "z"]]})
    report = check(read(DatasetDict({"train": train, "test": test})))
    assert found(report) == {"train[3]": "missing-target", "test[1]": "unknown-class"}
    assert report.class_counts["train"] == {"a": 2, "b": 1}


@pytest.mark.parametrize("labels", [["a"] * 4, [3] * 4, [None, "a", "a", None]])
def test_one_class_is_an_error(labels: list[Any]) -> None:
    report = check(read(texts(4, label=labels)), task="text-classification")
    assert codes(report, "error")[0] == "constant-target"
    with pytest.raises(CheckFailed, match="constant-target"):
        report.require()


def test_a_constant_number_and_an_empty_split_are_errors() -> None:
    assert codes(check(read(texts(3, label=[1.5] * 3)), task="text-regression"), "error") == [
        "constant-target"
    ]
    empty = Dataset.from_dict({"text": ["", " "], "label": ["a", "b"]})
    assert "empty-split" in codes(check(read(empty)), "error")
    data = read(DatasetDict({"train": texts(4, label=["a", "b"] * 2), "test": empty}))
    report = check(data)
    assert "empty-split" in codes(report, "warning")
    assert list(report.clean().splits) == ["train"]


def test_an_ambiguous_task_is_an_error_finding() -> None:
    report = check(read(texts(20, stars=[1, 2, 3, 4, 5] * 4), target="stars"))
    assert codes(report, "error") == ["ambiguous-task"]
    assert report.task is None


def test_near_class_names_and_imbalance() -> None:
    labels = ["cat", "Cat ", "hot-dog", "hot dog", "bat", "-1", "1"] + ["cat"] * 20
    report = check(read(texts(len(labels), label=labels)))
    sentences = {finding.code: finding for finding in report.findings}
    assert "'Cat ' and 'cat'" in sentences["near-class-names"].sentence
    assert "'hot dog' and 'hot-dog'" in sentences["near-class-names"].sentence
    assert "-1" not in sentences["near-class-names"].sentence
    assert sentences["class-counts"].severity == "warning"


def test_duplicates_within_and_across_splits(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", {"a": 3, "b": 3})
    class_folders(tmp_path / "test", {"a": 2, "b": 2}, start=50)
    write(tmp_path / "test" / "b" / "copy.png", png(1))
    write(tmp_path / "train" / "b" / "twin.png", png(4))
    report = check(read(tmp_path))
    sentences = {finding.code: finding.sentence for finding in report.findings}
    assert sentences["duplicates-across-splits"].startswith("1 rows of test")
    assert "train/a/1.png = test/b/copy.png" in sentences["duplicates-across-splits"]
    assert "1 in train" in sentences["duplicates"]


def test_a_group_on_both_sides() -> None:
    parts = {
        name: texts(4, label=["a", "b"] * 2, who=who)
        for name, who in {"train": ["x", "y", "x", "y"], "test": ["z", "y", "z", "w"]}.items()
    }
    parts["test"] = parts["test"].remove_columns("text").add_column("text", list("pqrs"))
    report = check(read(DatasetDict(parts), group="who"))
    assert codes(report, "warning") == ["group-across-splits"]


def test_without_a_target_only_inputs_are_checked(tmp_path: Path) -> None:
    write(tmp_path / "a.png", png())
    write(tmp_path / "b.png", b"x")
    report = check(read(tmp_path, need_target=False))
    assert found(report) == {"b.png": "unreadable-image"}
    assert report.task is None
    assert report.errors == ()


def test_bad_items_are_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    class_folders(tmp_path / "data", {"a": 2, "=b": 2})
    write(tmp_path / "data" / "=b" / "@x.png", b"")
    report = check(read(tmp_path / "data"))
    report.write(tmp_path / "out" / "bad_items.csv")
    with (tmp_path / "out" / "bad_items.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows == [["split", "item", "code", "reason"], ["all", "'=b/@x.png", "empty-file", "zero bytes"]]
    assert safe_cell("a=1") == "a=1"


def test_progress_is_told() -> None:
    told = []

    class Listener:
        def start(self, stage: str, total: int | None = None) -> None:
            told.append((stage, total))

        def advance(self, done: int, figures: Any = None) -> None:
            told.append((done, figures))

        def finish(self, summary: str = "") -> None:
            told.append(summary)

        def say(self, text: str) -> None: ...

        def warn(self, text: str) -> None: ...

    check(read(texts(4, label=["a", "b"] * 2)), reporter=Listener())
    assert told == [("check", 4), (4, None), "4 rows checked"]


def test_a_fitted_model_knows_its_classes() -> None:
    report = check(read(texts(3, label=["a", "b", "a"])), task="text-classification", known=["a", "c"])
    assert found(report) == {"row 1": "unknown-class"}
    assert report.class_counts == {"all": {"a": 2, "c": 0}}
    report.require()


def test_numbers_stay_with_their_rows_in_any_selection() -> None:
    rows = [f"{number / 7}" if number % 3 else "oops" for number in range(20)]
    splits = ["test" if number % 4 == 0 else "train" for number in range(20)]
    data = read(texts(20, label=rows, split=splits))
    clean = check(data, task="text-regression").clean()
    for split in clean.splits:
        items = clean.items(split)
        numbers = [int(origin.removeprefix("row ")) for origin in items.origins()]
        assert items.targets() == [number / 7 for number in numbers]
        assert numbers == [n for n in range(20) if n % 3 and splits[n] == split]
