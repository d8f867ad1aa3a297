"""Words inside a text: what tags belong to. A text keeps its words apart by white space.

Where two words touch in the text itself (``Berlin.``), the mark :data:`MARK` stands between them, which
Python takes for white space. So the words are ``text.split()``, and without the marks it is the text as it
was written. Nothing else has to be carried along to know both.
"""

import re

MARK = "\x1f"
"""The control character "unit separator", which no written text has."""

_SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3"
_WORD = re.compile(rf"[{_SINGLE}]|(?:(?![{_SINGLE}])\w)+|[^\w\s]")
"""Letters and digits in a row; every other sign, and every letter of a script without spaces, by itself."""


def marked(text: str) -> str:
    """Mark where words of a written text touch; raises nothing, and marks a marked text the same way."""
    plain = unmarked(text)
    ends = {found.end() for found in _WORD.finditer(plain)}
    starts = {found.start() for found in _WORD.finditer(plain)}
    return "".join(MARK + one if place in starts & ends else one for place, one in enumerate(plain))


def unmarked(text: str) -> str:
    """Give the text as it was written."""
    return text.replace(MARK, "")


def joined(words: list[str]) -> str:
    """Make one text of words that come as a list, none of which may be empty or hold white space."""
    return " ".join(words)


def places(text: str) -> list[tuple[int, int]]:
    """Return where each word begins and ends in the text as it was written.

    Checked by: ``tests/core/test_words.py``: cut there, the text gives its words.
    """
    found: list[tuple[int, int, int]] = []
    before = 0
    for word in re.finditer(r"\S+", text):
        before += text.count(MARK, found[-1][2] if found else 0, word.start())
        found.append((word.start() - before, word.end() - before, word.end()))
    return [(start, end) for start, end, _ in found]
