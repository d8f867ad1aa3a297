"""One module from a loaded micro-batch to head outputs, so that accelerate can wrap it."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from crosstune.frozen.cut import Cut
from crosstune.sources.base import Backbone, Batch


class Forward(nn.Module):
    """The backbone's own forward; where a cut is given and entered, only what lies behind it."""

    def __init__(self, backbone: Backbone, cut: Cut | None = None) -> None:
        """Hold the model as a submodule; backbone and cut are no modules."""
        super().__init__()
        self.model = backbone.model
        self._parts = (backbone, cut)

    def forward(self, batch: Batch, activation: Tensor | None = None) -> Tensor:
        """Return ``(B, K)`` outputs in float32."""
        backbone, cut = self._parts
        if cut is not None:
            return cut(batch, activation).float()
        return backbone.logits(self.model(**batch)).float()

    def answering(self, batch: Batch, activation: Tensor | None = None) -> Tensor:
        """Return what answers are made of: outputs, or the ``(B, L)`` pieces that a decoder writes."""
        backbone, cut = self._parts
        if backbone.generate is None:
            found: Tensor = self(batch, activation)
            return found
        if cut is not None:
            return cut(batch, activation, backbone.generate)
        return backbone.generate(**batch)


def autocast(device: torch.device, *, bf16: bool) -> AbstractContextManager[object]:
    """Compute in bfloat16 where that is safe; parameters stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if bf16 else nullcontext()
