"""A recogniser's outputs, one for each frame, without those of the padding.

Shapes: B batch, T frames, V symbols.
"""

from typing import Any

import torch
from torch import Tensor, nn

from crosstune.sources.frames import Frames, frame_mask

CERTAIN = 1e4
"""Logit by which the blank leads in frames of padding: its probability is then exactly 1 in float32."""


class Recogniser(nn.Module):
    """A CTC model of transformers whose frames behind the end of an utterance are the certain blank.

    They then change neither the CTC loss nor the text, so that no lengths need to be carried along.
    """

    def __init__(self, inner: Any, blank: int, mask: str | None, frames: Frames | None) -> None:  # noqa: ANN401
        """Hold the model.

        Args:
            inner: of transformers; gives ``logits``.
            blank: the number of the blank symbol.
            mask: name in the batch of the mask of what the model reads; ``None`` where all have one length.
            frames: from the entries that the mask counts to frames, where they differ.
        """
        super().__init__()
        self.inner = inner
        self.blank, self.mask, self.frames = blank, mask, frames

    def forward(self, **batch: Tensor) -> Tensor:
        """Return ``(B, T, V)`` logits."""
        logits: Tensor = self.inner(**batch).logits
        if self.mask is None:
            return logits
        heard = frame_mask(batch[self.mask], self.frames, logits.shape[1])
        if heard is None:
            raise ValueError(f"{logits.shape[1]} frames of {batch[self.mask].shape[1]} entries: not known")
        certain = torch.full_like(logits, -CERTAIN)
        certain[..., self.blank] = 0.0
        return torch.where(heard.bool().unsqueeze(-1), logits, certain)


def recogniser_logits(outputs: Any) -> Tensor:  # noqa: ANN401 - what the module returns
    """Return the outputs: they are logits already."""
    logits: Tensor = outputs
    return logits
