"""Nothing that cannot be seen gets through."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from crosstune.reports.text import one_line, plain, shortened

ANY = st.text(st.characters(codec=None), max_size=60) | st.text(
    "\x1b[31m\x9b\u202e\ud800\r\n\t a", max_size=20
)


@given(ANY)
def test_every_character_left_can_be_seen(text: str) -> None:
    clean = plain(text)
    clean.encode("utf-8")
    assert not [char for char in clean if unicodedata.category(char) == "Cc" and char not in "\t\n"]
    assert plain(clean) == clean


@given(ANY, st.integers(2, 30))
def test_one_line_is_one_line_and_shortened_is_short(text: str, most: int) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert len(shortened(text, most)) <= most


def test_terminal_codes_and_reordering_marks_become_escapes() -> None:
    assert plain("a\x1b[31mb\u202egnp.exe\ud800\r\n") == "a\\x1b[31mb\\u202egnp.exe\\ud800\\r\n"
    assert plain("naïve 日本 🙂\t-") == "naïve 日本 🙂\t-"
