"""Ways of writing transcripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.errors import UnknownName
from crosstune.tasks.transcripts import NORMALISATIONS, normalised


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Don't  stop!", "don't stop"),
        ("It\u2019s 5 o'clock", "it's 5 o'clock"),
        ("'quoted' words", "quoted words"),
        ("Stra\u00dfe \uff11", "strasse 1"),
        ("na\u0131\u0308ve caf\u00e9", "na\u0131\u0308ve caf\u00e9"),
        ("a-b, c.d", "a b c d"),
        ("?!", ""),
    ],
)
def test_plain_keeps_words_and_nothing_else(written: str, expected: str) -> None:
    assert normalised(written, "plain") == expected


def test_upper_is_plain_in_capitals_and_as_is_changes_only_white_space() -> None:
    assert normalised(" Don't\tstop! ", "upper") == "DON'T STOP"
    assert normalised(" Don't\tstop! ", "as-is") == "Don't stop!"


@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
@given(text=st.text(max_size=30))
def test_writing_twice_changes_nothing(name: str, text: str) -> None:
    once = normalised(text, name)
    assert normalised(once, name) == once


def test_another_name_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="plain"):
        normalised("a", "plane")
