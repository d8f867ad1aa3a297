"""Some rows of tables that lie in several pieces, looked at in blocks, so that no copy of all is made."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 2_000
"""Rows that are copied at a time."""


class Rows:
    """Rows of the pieces laid one after another, in the order of ``chosen``."""

    def __init__(self, pieces: Sequence[NDArray[Any]], chosen: NDArray[np.int64] | None = None) -> None:
        """Hold ``(N, D)`` pieces of one width, and which of their rows count; ``None``: all.

        Checked by: ``tests/data/gate/test_rows.py``.
        """
        self._pieces = pieces
        self._starts = np.cumsum([0, *map(len, pieces)])
        self._chosen = np.arange(self._starts[-1]) if chosen is None else chosen

    def __len__(self) -> int:
        """Count the rows that count."""
        return len(self._chosen)

    def only(self, rows: NDArray[np.int64]) -> "Rows":
        """Return the same table with some of its rows."""
        return Rows(self._pieces, self._chosen[rows])

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Copy rows, ``(len(rows), D)``."""
        wanted = self._chosen[rows]
        found = np.empty((len(rows), self._pieces[0].shape[1]), self._pieces[0].dtype)
        for piece, start in zip(self._pieces, self._starts.tolist(), strict=False):
            inside = (wanted >= start) & (wanted < start + len(piece))
            found[inside] = piece[wanted[inside] - start]
        return found

    def column(self, number: int) -> NDArray[Any]:
        """Copy one column, ``(N,)``."""
        found: NDArray[Any] = np.concatenate([piece[:, number] for piece in self._pieces])[self._chosen]
        return found


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Cut ``count`` rows into slices."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def first_of(keys: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each row the first row with an equal key."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    result: NDArray[np.int64] = first[inverse].astype(np.int64)
    return result
