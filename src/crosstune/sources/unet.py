"""The decoder of a U-Net for any picture model. Shapes: B batch, C channels, h x w places.

From the deepest map to the finest, each is enlarged to the next, laid beside that of the body, and two 3x3
convolutions read both (Ronneberger et al. 2015, arXiv:1505.04597). Against the sum of maps in
``pyramid.py`` it has several times the parameters and reads one scale more, so that edges are finer and a
step takes longer. GroupNorm in place of BatchNorm, as there.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

FINEST = 2
"""Maps of less than this many pixels a place are not read: most bodies begin with a stride of 2."""

WIDTHS, GROUPS = (32, 48, 64, 96, 128), 8
"""ASSUMED: channels behind the maps, the finest first, the last for all deeper ones (published: 64 to 1,024);
groups of the norms."""


class UNetDecoder(nn.Module):
    """Maps of several scales to one of the finest scale."""

    def __init__(self, channels: Sequence[int], dropout: float) -> None:
        """Make layers with random weights for maps of so many channels, the finest first."""
        super().__init__()
        own, deepest = list(channels[:-1]), channels[-1]
        made = [WIDTHS[min(place, len(WIDTHS) - 1)] for place in range(max(1, len(own)))]
        below = [*made[1:], deepest]
        self.width = made[0]
        self.steps = nn.ModuleList(
            _step(taken + deeper, wide) for taken, deeper, wide in zip(own or [0], below, made, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map tensors ``(B, C_i, h_i, w_i)``, the finest first, to ``(B, width, h_0, w_0)``."""
        found = maps[-1]
        if len(maps) == 1:
            found = self.steps[0](found)
        for own, step in zip(maps[-2::-1], reversed(self.steps), strict=False):
            if found.shape[-2:] != own.shape[-2:]:
                found = functional.interpolate(
                    found, size=own.shape[-2:], mode="bilinear", align_corners=False
                )
            found = step(torch.cat([own, found], dim=1))
        kept: Tensor = self.dropout(found)
        return kept


def _step(taken: int, made: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (taken, made):
        layers += [nn.Conv2d(channels, made, 3, padding=1, bias=False), nn.GroupNorm(GROUPS, made), nn.ReLU()]
    return nn.Sequential(*layers)
