"""Slips in class names, and honest names that are alike."""

import pytest

from crosstune.data.gate.slips import is_slip, slip_findings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cta", "cat"),
        ("dog", "dogs"),
        ("horse", "hores"),
        ("zebra", "zebr"),
        ("elephant", "elephamt"),
        ("elephant", "eelephant"),
        ("polar bear", "polar baer"),
        ("\u043c\u043e\u043b\u043e\u043a\u043e", "\u043c\u043e\u043b\u043a\u043e"),
    ],
)
def test_one_slip_in_one_word_is_seen_from_both_sides(one: str, other: str) -> None:
    assert is_slip(one, other)
    assert is_slip(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "cat"),
        ("cat", "bat"),
        ("cat", "car"),
        ("car", "cart"),
        ("1", "7"),
        ("b1", "b2"),
        ("12", "21"),
        ("section1", "section2"),
        ("type a", "type b"),
        ("grade ii", "grade iii"),
        ("iv", "vi"),
        ("typical", "atypical"),
        ("house", "mouse"),
        ("left eye", "left hand"),
        ("ab", "ba"),
        ("positive", "negative"),
        ("north east", "north"),
        ("c++", "c+++"),
    ],
)
def test_honest_names_are_no_slips(one: str, other: str) -> None:
    assert not is_slip(one, other)
    assert not is_slip(other, one)


def test_only_a_class_of_a_few_rows_beside_a_large_one_is_named() -> None:
    (finding,) = slip_findings({"cat": 60, "dog": 50, "cta": 2, "Dogs": 1, "bird": 30, "fish": 40, "newt": 2})
    assert (finding.severity, finding.code) == ("warning", "similar-class-names")
    assert finding.items == ("`cta` (2) = `cat` (60)", "`Dogs` (1) = `dog` (50)")
    assert slip_findings({"cat": 60, "dog": 50, "cta": 4}) == []
    assert slip_findings({"cat": 30, "dog": 50, "cta": 2}) == []
    assert slip_findings({}) == []


def test_a_long_tail_is_left_alone() -> None:
    tail = {f"species{chr(97 + row // 26)}{chr(97 + row % 26)}": 2 for row in range(60)}
    assert slip_findings({"specieszz": 900, "speciesyy": 500, **tail}) == []
