"""Findings about conversations: malformed rows by kind, and what is there twice."""

import pandas as pd

from crosstune.data.conversations.check import conversation_findings
from crosstune.data.conversations.read import read_conversations


def found(rows: list[tuple[str, str, str]], max_bad: float | None = None) -> dict[str, tuple[str, str, int]]:
    """Check rows of (split, prompt, completion); give severity, sentence and items by code."""
    frame = pd.DataFrame(rows, columns=["split", "prompt", "completion"])
    data = read_conversations(frame)
    findings = conversation_findings(data, max_bad=max_bad)
    return {one.code: (one.severity, one.sentence, len(one.items)) for one in findings}


GOOD = [("train", f"question {number}", f"answer {number}") for number in range(20)]


def test_good_rows_give_nothing() -> None:
    assert found([*GOOD, ("test", "another", "one")]) == {}


def test_each_kind_of_malformed_row_is_one_finding() -> None:
    result = found([*GOOD, ("train", "q", " "), ("train", " ", "a")])
    assert result == {
        "empty-answer": (
            "warning",
            "1 rows are set aside: row 20 (message 2 (assistant) is empty or only white space)",
            1,
        ),
        "empty-prompt": (
            "warning",
            "1 rows are set aside: row 21 (message 1 (user) is empty or only white space)",
            1,
        ),
    }


def test_too_many_malformed_rows_are_an_error() -> None:
    rows = [*GOOD, ("train", "q", " "), ("train", " ", "a")]
    assert found(rows, max_bad=0.05)["too-many-bad-rows"][0] == "error"


def test_a_split_without_a_good_row_is_named() -> None:
    assert found([*GOOD, ("test", "q", "")])["empty-split"][:2] == ("warning", "no row of test can be used")
    assert found([("train", "q", "")])["empty-split"][0] == "error"


def test_the_same_conversation_in_two_splits_is_a_warning() -> None:
    result = found([*GOOD, ("test", "Question  3", "answer 3"), ("test", "question 3", "answer 4")])
    assert result == {
        "duplicates-across-splits": (
            "warning",
            "1 rows of test have exactly the content of a row of train, such as row 3 = row 20",
            1,
        )
    }


def test_the_same_conversation_twice_in_a_split_is_a_note() -> None:
    result = found([*GOOD, GOOD[4], GOOD[4]])
    assert result == {
        "duplicates": ("note", "rows that repeat the exact content of an earlier row: 2 in train", 2)
    }
