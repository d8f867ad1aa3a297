"""The pieces of a model in a transformers folder: its tokenizer, its prompt, its longest text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class ModelPieces:
    """``core.pieces.Pieces`` by a fast tokenizer of transformers, which is never changed.

    Only its backend is called, which several threads may do at once.
    """

    tokenizer: Any = field(repr=False)
    prompt: tuple[int, ...]
    end: int
    size: int
    most: int
    never_first: frozenset[int] = frozenset()
    """Pieces that a text must not begin with, as the model is generated from."""

    def encode(self, text: str) -> list[int]:
        """Give the numbers of the pieces of a text, behind a space, as pretraining had it.

        Without the space where it would be a piece of its own that a text must not begin with: then a text in
        a script that knows no spaces could never be written.
        """
        spaced = self._numbers(f" {text}")
        return self._numbers(text) if spaced and spaced[0] in self.never_first else spaced

    def decode(self, numbers: Sequence[int]) -> str:
        """Write pieces as text without marks, one space between words, as ``transformers.pipeline`` does."""
        shown = [number for number in numbers if number not in self.marks]
        text: str = self.tokenizer.backend_tokenizer.decode(shown, skip_special_tokens=True)
        return " ".join(text.split())

    @property
    def told(self) -> str:
        """Give the prompt in words."""
        return "".join(self.tokenizer.convert_ids_to_tokens(list(self.prompt)))

    @cached_property
    def marks(self) -> frozenset[int]:
        """Give the pieces that are no text: ends, languages, tasks, times."""
        added = self.tokenizer.added_tokens_decoder
        named = {number for number, one in added.items() if one.special or one.content.startswith("<|")}
        return frozenset({*named, *self.tokenizer.all_special_ids, self.end})

    def _numbers(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        return found
