"""A model that tags words: logits of the first piece of each word, and texts in pieces with their words.

Shapes: B batch, T pieces, W words, K tags.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from crosstune.core.targets import NO_WORD
from crosstune.core.words import places, unmarked
from crosstune.sources.base import Batch, Raw
from crosstune.sources.preprocessing import TextPreprocessing

BEGINS = "words"
"""Name in the batch of ``(B, T)``: how many words begin at each piece, 0 for pieces inside a word, special
ones and padding. As wide as the pieces, so that whatever stores or cuts batches needs no rule of its own."""


class Tagger(nn.Module):
    """A token classification model of transformers, one row of logits for each word."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - untyped
        """Hold the model, which gives ``logits`` of every piece."""
        super().__init__()
        self.inner = inner

    def forward(self, words: Tensor, **batch: Tensor) -> Tensor:
        """Return ``(B, max(T, W), K)``: one row for each word, then ``NO_WORD``.

        Checked by: ``tests/sources/test_tagger.py``, against the model asked text by text.
        """
        logits: Tensor = self.inner(**batch).logits
        behind = words.cumsum(dim=1)
        width = max(words.shape[1], int(behind[:, -1].max()))
        number = torch.arange(width, device=words.device).expand(len(words), -1).contiguous()
        piece = torch.searchsorted(behind, number, right=True).clamp(max=words.shape[1] - 1)
        rows = logits.gather(1, piece.unsqueeze(-1).expand(-1, -1, logits.shape[-1]))
        is_word = (number < behind[:, -1:]).unsqueeze(-1)
        return torch.where(is_word, rows, torch.full_like(rows, NO_WORD))


def tagger_logits(outputs: Any) -> Tensor:  # noqa: ANN401 - what the module returns
    """Return the outputs: they are logits already."""
    logits: Tensor = outputs
    return logits


@dataclass(frozen=True)
class WordPreprocessing:
    """A fast tokenizer that reads the text as it was written, and where each of its words begins.

    So pieces are those that ``transformers.pipeline`` makes of the same text.
    """

    tokenizer: Any
    max_length: int

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode texts with marked words to ``(B, T)`` arrays, :data:`BEGINS` among them."""
        encoded = self._encode(raw, padding=True, return_tensors="pt")
        offsets, special = encoded.pop("offset_mapping").tolist(), encoded.pop("special_tokens_mask").tolist()
        batch = {name: tensor for name, tensor in encoded.items() if isinstance(tensor, Tensor)}
        rows = [begins(*one) for one in zip(raw, offsets, special, strict=True)]
        return {**batch, BEGINS: torch.tensor(rows)}

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Count the pieces of each text after cutting, special ones included."""
        return [len(ids) for ids in self._encode(raw)["input_ids"]] if len(raw) else []

    def windows(self, text: str, overlap: float = 0.0) -> list[tuple[int, int]]:
        """Cut the words of a text into parts that the model can read: from which word to before which.

        Args:
            text: with marked words.
            overlap: share of a part, in pieces, that the next one reads again.

        A word that is longer than the model by itself is a part of its own, and cut.
        Checked by: ``tests/sources/test_tagger.py``.
        """
        counted = self._pieces_by_word(text)
        # Pieces at the edges of a part may be others than in the whole text.
        room = max(1, self.max_length - int(self.tokenizer.num_special_tokens_to_add()) - 2)
        if sum(counted) <= room:
            return [(0, len(counted))]
        found, start = list[tuple[int, int]](), 0
        while True:
            end, used = start, 0
            while end < len(counted) and (end == start or used + counted[end] <= room):
                used += counted[end]
                end += 1
            found.append((start, end))
            if end == len(counted):
                return found
            again, back, most = 0, end, min(overlap * room, room - counted[end])
            while back > start + 1 and again + counted[back - 1] <= most:
                back -= 1
                again += counted[back]
            start = back

    def _pieces_by_word(self, text: str) -> list[int]:
        encoded = self.tokenizer(
            unmarked(text), truncation=False, verbose=False, return_offsets_mapping=True,
            add_special_tokens=False,
        )  # fmt: skip
        offsets = encoded["offset_mapping"]
        starts = [place for place, count in enumerate(begins(text, offsets, [0] * len(offsets)))
                  for _ in range(count)]  # fmt: skip
        if not starts:
            return [1] * len(text.split())
        starts[0] = 0
        return [after - before for before, after in zip(starts, [*starts[1:], len(offsets)], strict=True)]

    def _encode(self, raw: Sequence[Raw], **how: Any) -> Any:  # noqa: ANN401 - passed on
        texts = [unmarked(one) for one in raw]
        if how:
            how |= {"return_offsets_mapping": True, "return_special_tokens_mask": True}
        return self.tokenizer(texts, truncation=True, max_length=self.max_length, **how)

    @cached_property
    def _plain(self) -> TextPreprocessing:
        return TextPreprocessing(self.tokenizer, self.max_length)

    def describe(self) -> dict[str, Any]:
        """Give what a text preprocessing gives, under another kind."""
        return {**self._plain.describe(), "kind": "words"}


def begins(text: str, offsets: Sequence[Sequence[int]], special: Sequence[int]) -> list[int]:
    """Count the words that begin at each piece; the counts sum to the words of the text.

    A word begins at the first piece that shares a character with it. A word without one (a sign that the
    tokenizer drops, or one behind the cut) is counted at the piece of the word before it, so that the order
    stays.

    Args:
        text: with marked words.
        offsets: where each piece begins and ends in the text as it was written.
        special: 1 for pieces that stand for no part of the text, padding included.
    """
    found = [0] * len(offsets)
    own = [place for place, odd in enumerate(special) if not odd and offsets[place][0] < offsets[place][1]]
    at, last = 0, 0
    for start, end in places(text):
        while at < len(own) and offsets[own[at]][1] <= start:
            at += 1
        if at < len(own) and offsets[own[at]][0] < end:
            last = own[at]
        if found:
            found[last] += 1
    return found
