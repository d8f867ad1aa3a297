"""A small detector for any picture model: at every place of maps of several scales classes and a box.

Shapes: B batch, C channels, K classes, h x w places of a map, P of all maps.

A feature pyramid (Lin et al. 2017, arXiv:1612.03144; that of torchvision) brings what deep maps know to the
finer ones; two convolutions each for classes and boxes are shared by all scales, and every place says how far
the four sides of a box are (FCOS, Tian et al. 2019, arXiv:1904.01355), in cells of its map. Without anchors
there is nothing to fit to the sizes of a user's objects. GroupNorm, which knows one picture only, so that
micro-batches change nothing.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import FeaturePyramidNetwork

from crosstune.core.place_grid import place_grid
from crosstune.sources.pyramid import MapReader, Tap

WIDTH, GROUPS = 96, 8
"""ASSUMED: channels of the pyramid (FCOS: 256, for 118,000 pictures); groups of its norms."""

DEPTH = 2
"""ASSUMED: convolutions for classes, and for boxes (FCOS: 4)."""

FINEST = 8
"""Maps of less than this many pixels a place are not read. PRIOR: RetinaNet, FCOS."""

PRIOR = 0.01
"""Score of every class at every place before training, so that the many places without an object do not
drown the others. Source: Lin et al. 2017, arXiv:1708.02002."""

MOST_CELLS = 8.0
"""Natural logarithm of the longest distance in cells that a place can say: a guard against infinity."""

SCALES = 3
"""Maps that are made of one, where a body keeps one scale (a ViT): itself, and means of 2 x 2 and 4 x 4."""


class Decoder(nn.Module):
    """Maps of several scales to features for classes and for boxes at every place."""

    def __init__(self, channels: Sequence[int], dropout: float) -> None:
        """Make layers with random weights for maps of so many channels, the finest first."""
        super().__init__()
        self.pyramid = FeaturePyramidNetwork(list(channels), WIDTH, norm_layer=partial(nn.GroupNorm, GROUPS))
        self.kinds, self.sides = _tower(), _tower()
        self.dropout = nn.Dropout(dropout)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Map tensors ``(B, C_i, h_i, w_i)`` to two of ``(B, P, WIDTH)``."""
        named = OrderedDict((str(place), one) for place, one in enumerate(maps))
        levels = list(self.pyramid(named).values())
        kinds = torch.cat([_rows(self.kinds(one)) for one in levels], dim=1)
        return self.dropout(kinds), torch.cat([_rows(self.sides(one)) for one in levels], dim=1)


def _tower() -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), nn.GroupNorm(GROUPS, WIDTH), nn.ReLU()]
    return nn.Sequential(*layers)


def _rows(found: Tensor) -> Tensor:
    """Bring ``(B, C, h, w)`` to ``(B, h w, C)``."""
    return found.flatten(2).transpose(1, 2)


class PlaceDetector(MapReader):
    """A body of any library, whose maps a decoder reads; what the body does behind the last map is unused."""

    def __init__(self, body: nn.Module, taps: Sequence[Tap], outputs: int, dropout: float) -> None:
        """Put a decoder of random weights, and layers for K classes and for boxes, behind a body."""
        one_scale = len({tap.side for tap in taps}) == 1
        super().__init__(body, taps[-1:] if one_scale else taps)
        self.levels = levels_of(taps)
        self.decoder = Decoder([self.taps[min(place, len(self.taps) - 1)].channels
                                for place in range(len(self.levels))], dropout)  # fmt: skip
        self.classifier = nn.Linear(WIDTH, outputs)
        self.sides = nn.Linear(WIDTH, 4)
        nn.init.normal_(self.sides.weight, std=0.01)
        nn.init.zeros_(self.sides.bias)
        self.register_buffer("places", torch.from_numpy(place_grid(self.levels)), persistent=False)

    def start_low(self) -> None:
        """Let every class begin improbable at every place; the weights of the last layer stay."""
        nn.init.constant_(self.classifier.bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, sizes: Tensor | None = None, **batch: Tensor) -> Tensor:
        """Return ``(B, P, K + 4)``: logits, and left, top, right, bottom as shares of the sides.

        ``sizes``, of the pictures as they were, is not for the model.
        """
        del sizes
        maps = self.maps(batch)
        while len(maps) < len(self.levels):
            maps.append(functional.adaptive_avg_pool2d(maps[0], self.levels[len(maps)]))
        kinds, features = self.decoder(maps)
        places: Tensor = self.get_buffer("places")
        far = self.sides(features).clamp(max=MOST_CELLS).exp() * places[:, 2:]
        middles = places[:, :2]
        boxes = torch.cat([middles - far[..., :2], middles + far[..., 2:]], dim=-1)
        logits: Tensor = self.classifier(kinds)
        return torch.cat([logits, boxes.to(logits)], dim=-1)


def levels_of(taps: Sequence[Tap]) -> tuple[int, ...]:
    """Give the places in a row of each map that answers, the finest first."""
    found = tuple(tap.side for tap in taps)
    if len(set(found)) > 1:
        return found
    return tuple(max(1, found[0] // 2**power) for power in range(SCALES))
