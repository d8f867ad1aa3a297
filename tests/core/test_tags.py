"""Tags: schemes told apart, converted, and read as entities."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.tags import (
    BIOES,
    IOB1,
    IOB2,
    SCHEMES,
    Entity,
    entities,
    illegal,
    kinds_of,
    parts,
    scheme_of,
    written,
)


@st.composite
def texts(draw: Any) -> tuple[int, list[Entity]]:
    """Words and entities that do not overlap; some touch."""
    found, place = [], 0
    for gap, length, kind in draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(["PER", "LOC", "B-X"])),
            max_size=5,
        )
    ):
        found.append(Entity(place + gap, place + gap + length, kind))
        place += gap + length
    return place + draw(st.integers(0, 2)), found


@given(texts(), st.sampled_from(SCHEMES))
def test_what_is_written_in_a_scheme_is_legal_in_it_and_read_back(
    case: tuple[int, list[Entity]], scheme: str
) -> None:
    words, found = case
    tags = written(found, words, scheme)
    assert len(tags) == words
    assert entities(tags) == found
    assert illegal(tags, scheme) == []


@given(texts(), st.sampled_from(SCHEMES), st.sampled_from(SCHEMES))
def test_going_round_over_another_scheme_changes_nothing(
    case: tuple[int, list[Entity]], one: str, other: str
) -> None:
    words, found = case
    tags = written(found, words, one)
    there = written(entities(tags), words, other)
    assert written(entities(there), words, one) == tags


@given(st.lists(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-C", "I-C", "E-A", "S-C", "A"]), max_size=6)))
def test_any_tags_are_read_as_entities_that_can_be_written(rows: list[list[str]]) -> None:
    assert scheme_of(rows) in SCHEMES
    for row in rows:
        found = entities(row)
        covered = {place for one in found for place in range(one.start, one.end)}
        assert covered == {place for place, tag in enumerate(row) if tag != "O"}
        assert entities(written(found, len(row))) == found


def test_parts_of_tags() -> None:
    assert parts("B-PER") == ("B", "PER")
    assert parts("U-B-X") == ("S", "B-X")
    assert parts("L-PER") == ("E", "PER")
    assert parts("PER") == ("I", "PER")
    assert parts("non-person") == ("I", "non-person")
    assert parts("O") == ("O", "")
    assert kinds_of([["O", "S-PER"], ["I-LOC"]]) == ("LOC", "PER")


@pytest.mark.parametrize(
    ("scheme", "rows"),
    [
        (IOB2, [["B-A", "I-A", "O", "B-A"], ["O", "B-C"]]),
        (IOB2, [["B-A", "I-A"], ["O", "I-A"], ["B-C", "B-C"]]),  # one slip does not change the scheme
        (IOB1, [["I-A", "I-A", "O", "I-A"], ["I-A", "B-A"]]),
        (IOB1, [["A", "A", "O"]]),
        (BIOES, [["B-A", "E-A", "O", "S-A"]]),
        (BIOES, [["B-A", "L-A", "O", "U-A"]]),
        (IOB2, [["O", "O"]]),
    ],
)
def test_schemes_are_told_apart(scheme: str, rows: list[list[str]]) -> None:
    assert scheme_of(rows) == scheme


def test_illegal_transitions() -> None:
    assert illegal(["O", "I-A", "B-A", "I-C"], IOB2) == [1, 3]
    assert illegal(["O", "B-A", "I-A", "B-A"], IOB1) == [1]
    assert illegal(["B-A", "O", "I-A", "E-A"], BIOES) == [1, 2]
    assert illegal(["S-A", "B-A"], BIOES) == [2]  # never closed
    assert illegal(["S-A"], IOB2) == [0]


def test_entities_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        written([Entity(0, 2, "A"), Entity(1, 3, "A")], 3)
