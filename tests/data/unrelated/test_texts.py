"""Sentences are plain words, each once, and every document of a set has its own."""

from collections import Counter

from crosstune.data.unrelated.texts import DOCUMENTS, EACH, sentences, text_sets

PAGE = """
Title of the page
-----------------

The first sentence has more than six words. The second one, too, is long enough to stay here!
Short one. The first sentence has more than six words.

======  ==== ==== ======= =====
petal   1.0  6.9  3.76    1.76
======  ==== ==== ======= =====

>>> from sklearn.datasets import load_iris and more words
"""


def test_tables_code_and_repetitions_are_left_out() -> None:
    assert sentences(PAGE) == [
        "The first sentence has more than six words.",
        "The second one, too, is long enough to stay here!",
    ]


def test_every_set_has_several_documents_of_enough_sentences() -> None:
    sets = text_sets()
    assert sets
    for one in sets:
        counts = Counter(one.classes.tolist())
        assert sorted(counts) == list(range(DOCUMENTS))
        assert 5 <= min(counts.values()) <= max(counts.values()) <= EACH
        assert len(set(one.raw)) == len(one.raw)
