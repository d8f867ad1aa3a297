"""What was seen of the inputs of one split: can each be used, what is its content, what does it look like?"""

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from crosstune.data.digests import NONE, Digests
from crosstune.data.problems import parts
from crosstune.data.store import PROBLEM, values

_LARGEST = 2**32 - 1

Problem = tuple[str, str]
"""Code and reason."""


class Fetch(Protocol):
    """Gives the undecoded inputs of rows that are numbered through all splits."""

    def __call__(self, rows: NDArray[np.int64]) -> list[tuple[object, ...]]:
        """Return one tuple for each row, with one value for each input column."""
        ...


Found = tuple[NDArray[np.int64], NDArray[np.int64], int]
"""Pairs of equal content, pairs of nearly equal content, and how many pairs were not compared."""

Origins = Callable[[NDArray[np.int64]], Sequence[str]]
"""Gives file, or file and row, of rows that are numbered through all splits."""


@dataclass
class Inputs:
    """What was seen in one split: 100 bytes for each picture, 76 for each text, 316 for each sound."""

    width: int = 3
    """Measures of a row."""
    held: bytearray = field(default_factory=bytearray)
    """The content hash of each row, ``Digests.WIDTH`` bytes."""
    problems: dict[int, Problem] = field(default_factory=dict)
    """By row."""
    measures: "array[int]" = field(default_factory=lambda: array("I"))
    """``width`` for each row; what they are, its kind says (``gate/pictures.py`` ...)."""
    prints: bytearray = field(default_factory=bytearray)
    """What near copies are found by, equally long for each row. Empty where nothing was asked for."""
    treatments: Counter[str] = field(default_factory=Counter)
    """How many needed what to become plain: RGB, one channel."""

    def add(self, digest: str, measures: Sequence[int] | None, problem: Problem | None) -> None:
        """Append one row."""
        if problem is not None:
            self.problems[len(self)] = problem
        self.measures.extend(min(number, _LARGEST) for number in measures or (0,) * self.width)
        self.held += bytes.fromhex(digest) or NONE

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.measures) // self.width

    def digests(self) -> Digests:
        """Give the content hashes."""
        return Digests(self.held)

    def table(self) -> NDArray[np.uint32]:
        """Give the measures, ``(N, width)``."""
        return np.frombuffer(self.measures, np.uint32).reshape(-1, self.width)

    def good(self) -> NDArray[np.bool_]:
        """Say for each row whether its input can be used."""
        usable = np.ones(len(self), np.bool_)
        usable[list(self.problems)] = False
        return usable

    def printed(self, kind: type[np.generic], width: int) -> NDArray[Any]:
        """Give what near copies are found by, ``(N, width)`` numbers of a ``kind``."""
        return np.frombuffer(self.prints, kind).reshape(-1, width)


def known_problems(dataset: Dataset, result: Inputs) -> None:
    """Let what the reader said about a row come first: it is nearer to the cause."""
    if PROBLEM not in dataset.column_names:
        return
    for row, words in enumerate(values(dataset, PROBLEM)):
        if words:
            result.problems[row] = parts(words)
