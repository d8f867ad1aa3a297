"""The content hashes of many rows, in 16 bytes each instead of a Python text each."""

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

WIDTH = 16
"""Bytes of a hash; ``data/content.py`` writes them as 32 hexadecimal digits."""

NONE = bytes(WIDTH)
"""Stands for the empty text: a row that has no hash. That a real one is all zeros has odds of 2 ** -128."""


class Digests(Sequence[str]):
    """A sequence of hexadecimal hashes that holds them as bytes; ``""`` for rows without one."""

    __slots__ = ("_held",)

    def __init__(self, held: bytes | bytearray | NDArray[np.uint8]) -> None:
        """Take the bytes, ``WIDTH`` for each row; they are not copied and must not change.

        Checked by: ``tests/data/test_digests.py``.
        """
        self._held = np.frombuffer(held, np.uint8).reshape(-1, WIDTH)

    @classmethod
    def of(cls, found: Iterable[str]) -> "Digests":
        """Hold hexadecimal hashes."""
        return cls(b"".join(bytes.fromhex(digest) or NONE for digest in found))

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Digests":
        """Return the hashes of some rows, in their order."""
        return Digests(np.ascontiguousarray(self._held[np.asarray(rows, np.int64)]))

    def without(self, rows: Iterable[int]) -> "Digests":
        """Return the same with ``""`` for some rows."""
        held = self._held.copy()
        held[list(rows)] = 0
        return Digests(held)

    def keys(self) -> NDArray[np.int64]:
        """Return ``(N,)`` numbers that are equal where hashes are; other hashes collide by 2 ** -64."""
        return np.ascontiguousarray(self._held[:, :8]).view(np.int64).ravel()

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._held)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Digests": ...
    def __getitem__(self, place: int | slice) -> "str | Digests":
        """Return the hash of a row, or those of several."""
        if isinstance(place, slice):
            return Digests(np.ascontiguousarray(self._held[place]))
        content = self._held[place].tobytes()
        return "" if content == NONE else content.hex()

    def __eq__(self, other: object) -> bool:
        """Compare with any sequence of hashes."""
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == two for one, two in zip(self, other, strict=True))

    def __hash__(self) -> int:
        """Hash the content, as a tuple does."""
        return hash(self._held.tobytes())
