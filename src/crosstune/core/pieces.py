"""Texts as the pieces of words that a decoder writes one after the other, and back."""

from collections.abc import Sequence
from typing import Protocol


class Pieces(Protocol):
    """What a model writes with; its own tokenizer, and what it is told before it begins to write."""

    @property
    def prompt(self) -> tuple[int, ...]:
        """Numbers of the pieces before every text: the start, and language and task if it has any."""
        ...

    @property
    def told(self) -> str:
        """Give the prompt in words: ``<|startoftranscript|><|en|><|transcribe|><|notimestamps|>``."""
        ...

    @property
    def end(self) -> int:
        """Number of the piece that ends a text."""
        ...

    @property
    def size(self) -> int:
        """V, how many pieces the head chooses among."""
        ...

    @property
    def most(self) -> int:
        """How many pieces can follow the prompt, the end included."""
        ...

    def encode(self, text: str) -> list[int]:
        """Give the numbers of the pieces of a text, without prompt and end."""
        ...

    def decode(self, numbers: Sequence[int]) -> str:
        """Write pieces as text; what marks languages, tasks, times and ends is left out."""
        ...
