"""How many frames an encoder of sounds makes of how many samples, and which of them belong to a sound.

Shapes: B batch, S samples, F frames.
"""

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

Count = TypeVar("Count", int, Tensor)


@dataclass(frozen=True)
class Frames:
    """Convolutions without padding, one behind the other, as wav2vec2 and its kin have them."""

    kernels: tuple[int, ...]
    strides: tuple[int, ...]

    def count(self, samples: Count) -> Count:
        """Return how many frames come out of so many samples; 0 or less where they are too few."""
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            samples = (samples - kernel) // stride + 1
        return samples

    def samples(self, frames: int) -> int:
        """Return the least number of samples that gives so many frames."""
        needed = frames
        for kernel, stride in zip(reversed(self.kernels), reversed(self.strides), strict=True):
            needed = (needed - 1) * stride + kernel
        return needed

    def own(self, samples: Tensor, width: int) -> Tensor:
        """Say which of ``width`` frames lie within so many samples ``(B,)``: bool ``(B, width)``.

        By comparing, not by :meth:`count`: OpenVINO divides whole numbers as fractions, and is off by one.
        """
        reach = self.samples(1)
        needed = torch.arange(width, device=samples.device) * (self.samples(2) - reach) + reach
        return needed <= samples.unsqueeze(1)

    def first(self, layers: int) -> "Frames":
        """Return the first few convolutions."""
        return Frames(self.kernels[:layers], self.strides[:layers])


def inside(lengths: Tensor, width: int) -> Tensor:
    """Say which of ``width`` places lie within each length ``(B,)``: bool ``(B, width)``."""
    return torch.arange(width, device=lengths.device) < lengths.unsqueeze(1)


def frame_mask(mask: Tensor, frames: Frames | None, width: int) -> Tensor | None:
    """Say which places of a block's output belong to the example, from the mask of what the model reads.

    Args:
        mask: ``(B, S)``, 1 where an entry counts; padding stands on the right wherever ``frames`` is given.
        frames: how the output's places follow from the entries; ``None`` where each entry has one.
        width: number of places of the output.

    Returns:
        ``(B, width)``, or ``None`` where the output's places are neither the entries nor their frames.

    Checked by: ``tests/sources/test_frames.py``.
    """
    if width == mask.shape[1]:
        return mask
    if frames is None or width != frames.count(mask.shape[1]):
        return None
    return frames.own(mask.sum(dim=1), width)
