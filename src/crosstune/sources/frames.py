"""A recogniser's outputs, one for each frame, without those of the padding.

Shapes: B batch, n samples, T frames, V symbols.
"""

from typing import Any

import torch
from torch import Tensor, nn

CERTAIN = 1e4
"""Logit by which the blank leads in frames of padding: its probability is then exactly 1 in float32."""


class Recogniser(nn.Module):
    """A CTC model of transformers whose frames behind the end of an utterance are the certain blank.

    They then change neither the CTC loss nor the text, so that no lengths need to be carried along.
    """

    def __init__(self, inner: Any, blank: int) -> None:  # noqa: ANN401 - untyped
        """Hold the model; ``blank`` is the number of the blank symbol."""
        super().__init__()
        self.inner = inner
        self.blank = blank

    def forward(self, **batch: Tensor) -> Tensor:
        """Return ``(B, T, V)`` logits."""
        logits: Tensor = self.inner(**batch).logits
        mask = self.mask(batch, logits.shape[1])
        if mask is None:
            return logits
        certain = torch.full_like(logits, -CERTAIN)
        certain[..., self.blank] = 0.0
        return torch.where(mask.unsqueeze(-1), logits, certain)

    def mask(self, batch: dict[str, Tensor], frames: int) -> Tensor | None:
        """Say which frames hear the utterance, ``(B, T)``; ``None`` where the model has no mask of its input.

        Models that are given none (wav2vec 2.0 base) hear padding as silence, in training as in use.
        """
        samples = batch.get("attention_mask")
        find = getattr(self.inner, "_get_feature_vector_attention_mask", None)
        if samples is None or find is None:
            return None
        found: Tensor = find(frames, samples)
        return found.bool()


def recogniser_logits(outputs: Any) -> Tensor:  # noqa: ANN401 - what the module returns
    """Return the outputs: they are logits already."""
    logits: Tensor = outputs
    return logits
