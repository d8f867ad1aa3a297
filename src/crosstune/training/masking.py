"""Which tokens of a text are hidden, and by what: BERT's masking, drawn from (seed, epoch, example).

Of the tokens of an example that may be hidden, ``share`` are chosen (at least one). Of the chosen ones 80 %
become the mask token, 10 % a random token and 10 % stay as they are (Devlin 2019, appendix A.2): the model
never knows which token it must name, so that it keeps a meaning for every one.

Shapes: B batch, T tokens, M chosen tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.seeding import generator
from crosstune.sources.base import Batch

HIDDEN, SWAPPED = 0.8, 0.1
"""PRIOR: shares of the chosen tokens that become the mask token, and a random token (Devlin 2019)."""


@dataclass(frozen=True)
class Masked:
    """A batch of which some tokens are hidden."""

    batch: Batch
    chosen: Tensor
    """``(B, T)`` bool: which tokens the model must name."""
    labels: Tensor
    """``(M,)`` int64: what they were, in reading order."""


@dataclass(frozen=True)
class Masker:
    """Hides tokens of the batches of one tokenizer."""

    tokenizer: Any
    share: float
    seed: int
    purpose: str = "mask"
    """Held-out texts have draws of their own."""

    @cached_property
    def special(self) -> NDArray[np.int64]:
        """Tokens that are never hidden and never put in: padding, separators, the mask, unknown words."""
        return np.unique(np.array(self.tokenizer.all_special_ids, dtype=np.int64))

    @cached_property
    def ordinary(self) -> NDArray[np.int64]:
        """Tokens that may be put in."""
        return np.setdiff1d(np.arange(len(self.tokenizer), dtype=np.int64), self.special)

    def __call__(self, batch: Batch, examples: Sequence[int], *, epoch: int = 0) -> Masked:
        """Hide tokens of ``batch``, whose rows are ``examples``.

        What is drawn for an example depends on (seed, epoch, example) and on its own tokens: neither on the
        other rows nor on how far they are padded. The batch that is given stays as it is.

        Cost: one generator for each example, about 20 microseconds.
        Checked by: ``tests/training/test_masking.py``.
        """
        ids = batch["input_ids"].numpy()
        hidden, chosen = ids.copy(), np.zeros(ids.shape, dtype=bool)
        free = ~np.isin(ids, self.special)
        for row, example in enumerate(examples):
            places = np.flatnonzero(free[row])
            if not len(places):
                continue
            draw = generator(self.seed, self.purpose, epoch, int(example))
            count = max(1, round(self.share * len(places)))
            taken = np.sort(draw.permutation(places)[:count])
            kind, others = draw.random(count), draw.choice(self.ordinary, count)
            values = np.where(kind < HIDDEN + SWAPPED, others, ids[row, taken])
            hidden[row, taken] = np.where(kind < HIDDEN, self.tokenizer.mask_token_id, values)
            chosen[row, taken] = True
        return Masked(
            {**batch, "input_ids": torch.from_numpy(hidden)},
            torch.from_numpy(chosen),
            torch.from_numpy(ids[chosen].astype(np.int64)),
        )
