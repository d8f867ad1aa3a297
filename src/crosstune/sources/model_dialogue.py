"""The chat template and tokenizer of an opened language model, as its task and its batches use them.

Shapes: B batch, T tokens.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from crosstune.core.conversation import Conversation
from crosstune.core.conversation_text import from_text
from crosstune.sources.base import Batch, Raw
from crosstune.sources.chat import ChatTokenizer, Example, PromptDiffers
from crosstune.sources.chat_template import TemplateRefused
from crosstune.sources.errors import ConversationRefused

SAMPLE = "Is it 12.5 or -3?\n\tNo: don't  ask \u00e9\u4e2d!"
"""Words, numbers, spaces, line breaks and other scripts, which tokenizers take apart in different ways."""


@dataclass(frozen=True)
class ModelDialogue:
    """``core.dialogue.Dialogue`` by a tokenizer of transformers."""

    chat: ChatTokenizer
    size: int
    longest: int

    @cached_property
    def told(self) -> str:
        """Hash the template, the vocabulary, and the tokens of a sample.

        Not how the tokenizer is stored: saving one that came out of a GGUF file writes it otherwise.
        """
        vocabulary = sorted(self.chat.tokenizer.get_vocab().items())
        sample = self.chat.tokenizer(SAMPLE, add_special_tokens=False, verbose=False)["input_ids"]
        said = repr((self.chat.template, vocabulary, list(sample)))
        return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def examples(self, conversation: Conversation) -> tuple[Example, ...]:
        """Give every sequence of a conversation, whole; raises ``ConversationRefused``."""
        try:
            return self.chat.examples(conversation)
        except (TemplateRefused, PromptDiffers) as error:
            raise ConversationRefused(str(error)) from error

    def sequence(self, conversation: Conversation) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """Give the tokens of the last sequence, and which of them are trained, cut to ``longest``."""
        last = self.examples(conversation)[-1].cut(self.longest)
        return last.ids, last.trained

    def plain(self, text: str) -> list[int]:
        """Give the tokens of a text that nobody says to anybody, without an end, cut to ``longest``."""
        ids = list(self.chat.tokenizer(text, verbose=False)["input_ids"])
        ended = ids[-1:] == [self.chat.tokenizer.eos_token_id]
        return ids[: len(ids) - ended][: self.longest]

    def prompt(self, conversation: Conversation) -> list[int]:
        """Give the tokens that the model is asked with; of too long ones the end. Raises as ``examples``."""
        return self.whole_prompt(conversation)[-(self.longest - 1) :]

    def whole_prompt(self, conversation: Conversation) -> list[int]:
        """Give the tokens of a prompt, however many they are. Raises as ``examples``."""
        try:
            return self.chat.prompt(conversation.messages)
        except TemplateRefused as error:
            raise ConversationRefused(str(error)) from error

    def count(self, text: str) -> int:
        """Count the tokens of a text, without special ones."""
        return len(self.chat.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def decode(self, numbers: list[int]) -> str:
        """Write what the model has written as text, up to where it stops, without special tokens."""
        stops = [place for place, number in enumerate(numbers) if number in self.chat.ends]
        kept = numbers[: stops[0]] if stops else numbers
        return str(
            self.chat.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )


@dataclass(frozen=True)
class PromptPreprocessing:
    """Prompts as the model is asked with them: rendered, tokenised, padded on the left.

    An example is what :func:`crosstune.core.conversation_text.to_text` writes, or a plain text that a user
    says.
    """

    dialogue: ModelDialogue
    padding: int

    @property
    def max_length(self) -> int:
        """How many tokens are read of a sequence."""
        return self.dialogue.longest

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode prompts to ``input_ids`` and ``attention_mask``, ``(B, T)``."""
        rows = self._prompts(raw)
        longest = max(map(len, rows), default=0)
        ids = torch.full((len(rows), longest), self.padding)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for row, found in enumerate(rows):
            ids[row, longest - len(found) :] = torch.tensor(found)
            mask[row, longest - len(found) :] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Count the tokens of each prompt."""
        return [len(one) for one in self._prompts(raw)]

    def describe(self) -> dict[str, Any]:
        """Give the length limit, and the hash of template and tokenizer."""
        return {"kind": "prompt", "max_length": self.max_length, "told": self.dialogue.told}

    def _prompts(self, raw: Sequence[Raw]) -> list[list[int]]:
        return [self.dialogue.prompt(from_text(one)) for one in raw]
