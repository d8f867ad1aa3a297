"""Columns that name a part of a recording."""

from typing import Any

import pytest
from datasets import Dataset

from crosstune.data.read import read
from crosstune.data.store import PROBLEM, values


def cells_of(columns: dict[str, list[Any]], **options: Any) -> list[tuple[float | None, float | None]]:
    rows = len(next(iter(columns.values())))
    data = read(Dataset.from_dict({"audio": [f"{n}.wav" for n in range(rows)], "label": ["a"] * rows, **columns}), **options)  # fmt: skip  # noqa: E501
    return [(cell["start"], cell["end"]) for cell in values(data.splits["all"], "audio")]


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"start": [0.5, 1.0], "end": [1.5, 2.0]}, [(0.5, 1.5), (1.0, 2.0)]),
        ({"Start": ["0.5", " 1 "], "END": ["1.5", "2"]}, [(0.5, 1.5), (1.0, 2.0)]),
        ({"offset": [1, 2], "duration": [3, 4]}, [(1.0, 4.0), (2.0, 6.0)]),
        ({"offset": [1.0, None], "duration": [None, 4.0]}, [(1.0, None), (None, 4.0)]),
        ({"start": [1.0, 2.0]}, [(1.0, None), (2.0, None)]),
        ({"duration": [1.0, 2.0]}, [(None, None)] * 2),  # how long the file is
        ({"end": [1.0, 2.0]}, [(None, None)] * 2),
        ({"other": [1, 2]}, [(None, None)] * 2),
    ],
)
def test_seconds_are_read_from_columns(columns: dict[str, list[Any]], parts: list[Any]) -> None:
    assert cells_of(columns) == parts


def test_a_column_that_is_the_target_names_no_part() -> None:
    columns = {"start": [0.5, 1.0], "duration": [1.5, 2.0]}
    assert cells_of(columns, target="duration") == [(0.5, None), (1.0, None)]
    assert cells_of(columns, target="start") == [(None, None)] * 2


def test_what_is_no_number_of_seconds_is_named() -> None:
    rows = {"audio": ["a.wav"] * 4, "label": ["x"] * 4, "start": ["1", "0:02", "nan", ""]}
    data = read(Dataset.from_dict(rows))
    assert values(data.splits["all"], PROBLEM) == [
        None,
        "bad-part|`start` is `0:02`, which is no number of seconds",
        "bad-part|`start` is `nan`, which is no number of seconds",
        None,
    ]
