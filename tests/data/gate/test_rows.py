"""Rows of tables in pieces."""

import numpy as np

from crosstune.data.gate.rows import Rows, blocks


def test_rows_are_those_of_the_pieces_laid_one_after_another() -> None:
    pieces = [np.arange(6).reshape(3, 2), np.empty((0, 2), int), np.arange(6, 16).reshape(5, 2)]
    whole = np.concatenate(pieces)
    assert np.array_equal(Rows(pieces).take(np.array([7, 0, 3])), whole[[7, 0, 3]])
    chosen = Rows(pieces, np.array([1, 4, 6]))
    assert len(chosen) == 3
    assert np.array_equal(chosen.column(1), whole[[1, 4, 6], 1])
    assert np.array_equal(chosen.only(np.array([2, 0])).take(np.array([0, 1])), whole[[6, 1]])


def test_blocks_cover_every_row_once() -> None:
    assert [(one.start, one.stop) for one in blocks(7, 3)] == [(0, 3), (3, 6), (6, 7)]
    assert list(blocks(0)) == []
