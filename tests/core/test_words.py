"""Words and the text that they stand in."""

from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.words import MARK, joined, marked, places, unmarked

TEXTS = st.text(st.sampled_from("ab1 .,-\n\u00e9\u4e2d\u6587"), max_size=20)


@given(TEXTS)
def test_the_text_and_its_words_are_both_there(text: str) -> None:
    form = marked(text)
    assert unmarked(form) == text
    assert marked(form) == form
    assert [text[start:end] for start, end in places(form)] == form.split()
    assert "".join(form.split()) == "".join(text.split())


def test_signs_and_letters_without_spaces_are_words() -> None:
    assert marked("in Berlin, 3.5").split() == ["in", "Berlin", ",", "3", ".", "5"]
    assert marked("\u4e2d\u6587ab").split() == ["\u4e2d", "\u6587", "ab"]
    assert marked("a b") == "a b"


def test_words_of_a_list_stay_as_they_are() -> None:
    text = joined(["U.S.", "won", "."])
    assert text.split() == ["U.S.", "won", "."]
    assert places(text) == [(0, 4), (5, 8), (9, 10)]
    assert MARK.isspace()
