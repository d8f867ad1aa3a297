"""Texts as the symbols of a CTC head, and back.

Shapes: B batch, T frames, V symbols, L symbols of a text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

BLANK, SPACE = "<pad>", "|"
"""What tokenizers of CTC models in transformers call the blank and the space between words."""


@dataclass(frozen=True)
class Spelling:
    """The symbols of a head in order; one of them is the blank, one stands for the space."""

    symbols: tuple[str, ...]
    blank: str = BLANK
    space: str = SPACE

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where a symbol is there twice: its first row of the head would be dead."""
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError(f"symbols that are there twice: {self.symbols}")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Take the blank, the space, and every other character of ``texts`` in their code point order.

        A ``|`` in a text is a space, as it is for the tokenizers of CTC models.
        """
        seen = set().union(*map(set, texts)) - {" ", SPACE}
        return cls((BLANK, SPACE, *sorted(seen)))

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Give the number of each symbol."""
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    @property
    def blank_index(self) -> int:
        """Give the number of the blank."""
        return self.index[self.blank]

    @property
    def capitals(self) -> bool:
        """Say whether letters are written as capitals only."""
        letters = [one for one in self.symbols if len(one) == 1 and one.isalpha()]
        return any(one.isupper() for one in letters) and not any(one.islower() for one in letters)

    def unknown(self, text: str) -> set[str]:
        """Return the characters of ``text`` that no symbol stands for."""
        return {one for one in set(text) if (self.space if one == " " else one) not in self.index}

    def encode(self, text: str) -> NDArray[np.int64]:
        """Spell a text, ``(L,)``; characters without a symbol are left out.

        They cannot be learnt; what a figure is computed on is the text itself, so they count as errors.
        """
        known = self.index
        numbers = [known.get(self.space if one == " " else one) for one in text]
        return np.array([number for number in numbers if number is not None], dtype=np.int64)

    def decode(self, numbers: Sequence[int] | NDArray[np.int64]) -> str:
        """Write symbols as text, without blanks; the tokenizer's other marks (``<unk>``) are shown.

        A trained recogniser gives none of them, and ``transformers.pipeline`` shows them as well.
        """
        shown = [self.symbols[number] for number in numbers if number != self.blank_index]
        return " ".join("".join(" " if one == self.space else one for one in shown).split())

    def collapse(self, path: Sequence[int] | NDArray[np.int64]) -> str:
        """Write the symbol of each frame as text: repeats become one, then blanks vanish (Graves 2006)."""
        numbers = np.asarray(path, dtype=np.int64)
        if not len(numbers):
            return ""
        first = np.concatenate([[True], numbers[1:] != numbers[:-1]])
        return self.decode(numbers[first])

    def frames(self, text: str) -> int:
        """Return the fewest frames whose collapse is ``text``: a blank must part two equal symbols."""
        numbers = self.encode(text)
        return len(numbers) + int((numbers[1:] == numbers[:-1]).sum())

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {"symbols": list(self.symbols), "blank": self.blank, "space": self.space}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(tuple(raw["symbols"]), raw["blank"], raw["space"])
