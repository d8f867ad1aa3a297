"""What a task needs of a language model's tokenizer and chat template."""

from typing import Protocol

from crosstune.core.conversation import Conversation


class Dialogue(Protocol):
    """Conversations as the tokens of one model, and what it writes as text. T tokens."""

    @property
    def size(self) -> int:
        """V, how many tokens the head chooses among."""
        ...

    @property
    def longest(self) -> int:
        """How many tokens are read of a sequence."""
        ...

    @property
    def told(self) -> str:
        """Name the template and the tokenizer by a hash: what a trained model must be used with."""
        ...

    def sequence(self, conversation: Conversation) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """Give ``(T,)`` tokens up to the last trained answer, and which of them are trained; cut."""
        ...

    def count(self, text: str) -> int:
        """Count the tokens of a text, without special ones."""
        ...

    def decode(self, numbers: list[int]) -> str:
        """Write what the model has written as text, up to where it stops, without special tokens."""
        ...
