"""Columns that look like groups."""

from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from crosstune.data.gate.groups import hidden_group_findings
from crosstune.data.read import read


def rows(count: int, start: int = 0, **columns: Any) -> Dataset:
    texts = [f"text {row} of many" for row in range(start, start + count)]
    return Dataset.from_dict({"text": texts, "label": ["a", "b"] * (count // 2), **columns})


def test_a_patient_on_both_sides_is_named_with_the_flag() -> None:
    train = rows(20, patient_id=[f"p{row // 2}" for row in range(20)])
    test = rows(6, 20, patient_id=["p1", "p1", "q1", "q1", "q2", "q2"])
    (finding,) = hidden_group_findings(read(DatasetDict({"train": train, "test": test})))
    assert (finding.code, finding.severity) == ("undeclared-group", "warning")
    assert "1 values are in both train and test: p1" in finding.sentence
    assert "--group patient_id" in finding.fix


def test_data_without_splits_is_warned_of_as_well_unless_the_group_is_named() -> None:
    data = rows(20, speakerName=[f"p{row // 4}" for row in range(20)])
    (finding,) = hidden_group_findings(read(data, inputs=["text"]))
    assert "row by row" in finding.sentence
    assert hidden_group_findings(read(data, inputs=["text"], group="speakerName")) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("user", [f"u{row}" for row in range(20)]),  # an id: nothing is shared
        ("source", ["web", "print"] * 10),  # a category
        ("colour", [f"c{row // 2}" for row in range(20)]),  # no name of a group
    ],
)
def test_other_columns_are_left_alone(name: str, found: list[str]) -> None:
    assert hidden_group_findings(read(rows(20, **{name: found}), inputs=["text"])) == []


def test_groups_that_keep_to_their_split_are_fine() -> None:
    parts = {
        name: rows(20, start, patient=[f"{name}{row // 2}" for row in range(20)])
        for name, start in (("train", 0), ("test", 20))
    }
    assert hidden_group_findings(read(DatasetDict(parts), inputs=["text"])) == []
