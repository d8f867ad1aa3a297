"""Texts that ship with Python and scikit-learn: sentences of documents, the class is the document."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec

import numpy as np

from crosstune.data.unrelated.base import UnrelatedSet

WORDS = (6, 40)
"""Fewest and most words of a sentence that is taken."""
LETTERS = 0.75
"""Share of a sentence's characters that are letters or spaces, at least: tables and grammars are left out."""
DOCUMENTS = 10
"""Documents of a set, those with the most sentences."""
EACH = 60
"""Sentences of a document, at most: the first ones."""
_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z\"'])")


def text_sets() -> list[UnrelatedSet]:
    """List the text sets that are on this machine, both English; needs no network."""
    return [one for one in (_descriptions(), _reference()) if one is not None and len(one)]


@cache
def _descriptions() -> UnrelatedSet:
    """Take the sentences of the descriptions of data sets that ship with scikit-learn."""
    from importlib.resources import files

    folder = files("sklearn.datasets") / "descr"
    documents = {
        one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".rst")
    }
    return _set("descriptions of data sets (scikit-learn)", "which description", documents)


@cache
def _reference() -> UnrelatedSet | None:
    """Take sentences of Python's own reference manual, where this Python has it."""
    if find_spec("pydoc_data") is None:
        return None
    from pydoc_data.topics import topics

    return _set("the manual of Python", "which topic", topics)


def _set(name: str, question: str, documents: Mapping[str, str]) -> UnrelatedSet:
    found = {title: sentences(text) for title, text in sorted(documents.items())}
    # A sentence that stands in two documents (a licence, a cross-reference) says nothing about either.
    counts = Counter(one for every in found.values() for one in every)
    own = {title: [one for one in every if counts[one] == 1][:EACH] for title, every in found.items()}
    kept = sorted(own, key=lambda title: -len(own[title]))[:DOCUMENTS]
    rows = [(one, place) for place, title in enumerate(kept) for one in own[title]]
    return UnrelatedSet(
        name=name, question=question, raw=tuple(one for one, _ in rows),
        classes=np.array([place for _, place in rows], np.int64),
    )  # fmt: skip


def sentences(text: str) -> list[str]:
    """Split a document into its sentences of plain words, in order, each once.

    Checked by: ``tests/data/unrelated/test_texts.py``.
    """
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        for one in _END.split(" ".join(paragraph.split())):
            words = len(one.split())
            plain = sum(letter.isalpha() or letter == " " for letter in one)
            if WORDS[0] <= words <= WORDS[1] and plain >= LETTERS * len(one) and ">>>" not in one:
                found.append(one)
    return list(dict.fromkeys(found))
