"""Encoders of sounds whose first layer normalises over time: padding must not count.

wav2vec2-base, HuBERT-base and their kin have one ``GroupNorm`` with a group for each channel behind the first
convolution: mean and variance are over all frames, padding included, so that what a sound becomes would
depend on its neighbours in the batch, and a model trained in batches would not be the one that predicts one
sound at a time. Here the statistics are over the sound's own frames. Of one sound alone that is what
transformers computes; nothing of it is in the saved folder.

Shapes: B batch, S samples, C channels, T frames.
"""

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from crosstune.sources.frames import Frames

LAYERS = "conv_layers"
"""What transformers calls the list of convolutions, one behind the other."""


class MaskedGroupNorm(nn.GroupNorm):
    """A group norm with a group for each channel, over the first frames of each example only."""

    frames: Frames
    """From samples to the frames of its input."""
    samples: Tensor | None = None
    """``(B,)``: of the batch that is being computed; ``None`` counts everything."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Normalise ``(B, C, T)``."""
        if self.samples is None:
            return super().forward(input)
        own = self.frames.own(self.samples, input.shape[-1]).unsqueeze(1)
        count = own.sum(dim=-1, keepdim=True).clamp(min=1)
        mean = torch.where(own, input, 0.0).sum(dim=-1, keepdim=True) / count
        apart = input - mean
        variance = torch.where(own, apart * apart, 0.0).sum(dim=-1, keepdim=True) / count
        scaled = apart * torch.rsqrt(variance + self.eps)
        return scaled * self.weight.unsqueeze(-1) + self.bias.unsqueeze(-1)


def leave_padding_out(model: Any, frames: Frames | None) -> None:  # noqa: ANN401 - untyped
    """Make the model's group norms over time, in place, count the frames of each sound alone.

    Args:
        model: of transformers, called with ``attention_mask`` ``(B, S)``.
        frames: all its convolutions.

    Checked by: ``tests/sources/test_group_norms.py``.
    """
    if frames is None:
        return
    found = _over_time(model)
    for layers, norm in found:
        norm.__class__ = MaskedGroupNorm
        norm.frames = frames.first(layers)
    if found:
        model.forward = MethodType(_forward, model)


def _over_time(model: nn.Module) -> list[tuple[int, Any]]:
    """List the norms with a group for each channel, each with the number of convolutions before it."""
    lists = [one for path, one in model.named_modules() if path.rpartition(".")[2] == LAYERS]
    return [
        (number + 1, norm)
        for layers in lists
        for number, layer in enumerate(layers.children())
        for norm in layer.modules()
        if type(norm) is nn.GroupNorm and norm.num_groups == norm.num_channels and norm.affine
    ]


def _forward(self: Any, input_values: Tensor, attention_mask: Tensor | None = None, **other: Any) -> Any:  # noqa: ANN401
    norms = [module for module in self.modules() if isinstance(module, MaskedGroupNorm)]
    samples = None if attention_mask is None else attention_mask.sum(dim=-1)
    for norm in norms:
        norm.samples = samples
    try:
        return type(self).forward(self, input_values, attention_mask=attention_mask, **other)
    finally:
        for norm in norms:
            norm.samples = None
