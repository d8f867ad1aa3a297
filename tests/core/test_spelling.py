"""Spelling and the collapse of CTC paths."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.spelling import Spelling

TEXTS = st.lists(st.text("abc", min_size=1, max_size=4), max_size=4).map(" ".join)
SPELLING = Spelling.of(["abc abc"])


def test_symbols_are_the_blank_the_space_and_the_characters_in_order() -> None:
    assert Spelling.of(["ba", "c d"]).symbols == ("<pad>", "|", "a", "b", "c", "d")
    assert Spelling.of(["ba|c"]).symbols == ("<pad>", "|", "a", "b", "c")
    with pytest.raises(ValueError, match="twice"):
        Spelling(("<pad>", "|", "a", "|"))


@given(TEXTS)
def test_a_text_that_is_spelled_reads_as_before(text: str) -> None:
    assert SPELLING.decode(SPELLING.encode(text)) == text


@given(TEXTS, st.data())
def test_any_alignment_collapses_to_its_text(text: str, data: st.DataObject) -> None:
    blank, path = SPELLING.blank_index, []
    previous = None
    for symbol in SPELLING.encode(text).tolist():
        least = 1 if symbol == previous else 0
        path += [blank] * data.draw(st.integers(least, 2)) + [symbol] * data.draw(st.integers(1, 3))
        previous = symbol
    assert SPELLING.collapse([*path, blank]) == text


@given(st.text("ab", min_size=1, max_size=3))
def test_the_fewest_frames_are_those_of_the_shortest_path(text: str) -> None:
    spelling = Spelling.of(["ab"])
    shortest = next(
        count
        for count in range(1, 8)
        for path in itertools.product(range(4), repeat=count)
        if spelling.collapse(path) == text
    )
    assert spelling.frames(text) == shortest


def test_of_the_marks_of_a_tokenizer_only_the_blank_is_hidden() -> None:
    spelling = Spelling(("<s>", "<pad>", "|", "<unk>", "A"))
    assert spelling.decode([1, 4, 2, 1, 4, 3]) == "A A<unk>"


def test_characters_without_a_symbol_are_named_and_left_out() -> None:
    assert SPELLING.unknown("abx y") == {"x", "y"}
    assert SPELLING.decode(SPELLING.encode("axb")) == "ab"


@pytest.mark.parametrize(("symbols", "capitals"), [("AB", True), ("ab", False), ("aB", False), ("12", False)])
def test_capitals_are_told_from_small_letters(symbols: str, capitals: bool) -> None:
    assert Spelling.of([symbols]).capitals is capitals


def test_json_keeps_everything() -> None:
    spelling = Spelling(("[PAD]", "_", "a"), "[PAD]", "_")
    assert Spelling.from_json(spelling.to_json()) == spelling
