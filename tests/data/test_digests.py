"""Hashes of rows, held as bytes."""

import pytest

from crosstune.data.content import digest_bytes
from crosstune.data.digests import Digests

TEXTS = (digest_bytes(b"a"), "", digest_bytes(b"b"), digest_bytes(b"a"))


def test_they_read_as_the_texts_they_were_made_of() -> None:
    held = Digests.of(TEXTS)
    assert tuple(held) == TEXTS
    assert (held[0], held[-2], held[1]) == (TEXTS[0], TEXTS[2], "")
    assert held == TEXTS
    assert held == list(TEXTS)
    assert held != TEXTS[:3]
    assert held != (*TEXTS[:3], TEXTS[2])
    assert hash(held) == hash(Digests.of(TEXTS))
    with pytest.raises(IndexError):
        held[4]


def test_rows_are_taken_and_left_out() -> None:
    held = Digests.of(TEXTS)
    assert held.take([2, 0]) == (TEXTS[2], TEXTS[0])
    assert held[1:3] == TEXTS[1:3]
    assert held.without([0, 2]) == ("", "", "", TEXTS[3])
    assert held == TEXTS, "the first is as it was"
    assert Digests.of([]).take([]) == ()


def test_keys_are_equal_where_hashes_are() -> None:
    first, nothing, second, again = Digests.of(TEXTS).keys().tolist()
    assert first == again
    assert len({first, nothing, second}) == 3
