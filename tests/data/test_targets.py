"""Targets: numbers recognised only where nothing is lost, classes named and counted."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.data.targets import as_number, class_counts, is_missing, labels_of, named, recognised


def column(*texts: Any) -> list[Any] | None:
    found = recognised([texts])
    return None if found is None else found[0].to_pylist()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("1", "10", "9"), [1, 10, 9]),
        (("3.0", "4.0", ""), [3, 4, None]),
        (("1.5", "NA", "nan", "-2"), [1.5, None, None, -2.0]),
        (("01", "02"), None),
        (("1.1", "1.10"), None),
        (("1", "x"), None),
        (("", None), None),
        (("1_000", "2"), None),
        (("inf", "1.5"), [float("inf"), 1.5]),
    ],
)
def test_numbers_are_recognised(texts: Any, expected: Any) -> None:
    assert column(*texts) == expected


def test_splits_are_recognised_alike() -> None:
    assert recognised([["1", "2"], ["x"]]) is None
    assert [found.to_pylist() for found in recognised([["1"], ["2.5"]])] == [[1.0], [2.5]]


@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1))
def test_integers_survive(numbers: list[int]) -> None:
    assert column(*map(str, numbers)) == numbers


@given(st.lists(st.text(max_size=8) | st.floats().map(str), min_size=1))
def test_texts_are_either_kept_or_become_their_own_values(texts: Any) -> None:
    found = column(*texts)
    if found is not None:
        for text, value in zip(texts, found, strict=True):
            assert value is None if is_missing(as_number(text)) else value == float(text)


def test_declared_names_replace_numbers() -> None:
    assert named(pa.chunked_array([[1, 0, -1, None, 7]]), ("a", "b")).to_pylist() == [
        "b",
        "a",
        None,
        None,
        "7",
    ]
    assert named(pa.chunked_array([[[0, 1], []]]), ("a", "b")).to_pylist() == [["a", "b"], []]


def test_missing_labels_and_counts() -> None:
    assert [is_missing(value) for value in (None, float("nan"), " ", "", [], 0, "a", False)] == [
        True, True, True, True, False, False, False, False,
    ]  # fmt: skip
    assert labels_of([3.0, "3", "b", None]) == ("3", "b")
    assert list(class_counts([10, 9, 9, None]).items()) == [("9", 2), ("10", 1)]
    assert class_counts([["a", "b"], ["a"], []], declared=("z",)) == {"z": 0, "a": 2, "b": 1}
