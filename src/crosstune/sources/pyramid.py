"""A small decoder for any picture model: maps of several scales, brought together, one class for each place.

Shapes: B batch, C channels, h x w places, T tokens.

Why a decoder of our own: pretrained segmentation models need a model hub, while bodies that know pictures
install as packages. Deep maps know what there is and early ones where it is, so both are read: each map goes
through a 1x1 convolution to a common width, is enlarged to the finest, and all are summed (the lateral half
of a feature pyramid, Lin et al. 2017, arXiv:1612.03144, as semantic FPN reads it, Kirillov et al. 2019,
arXiv:1901.02446); one 3x3 convolution smooths what enlarging leaves. GroupNorm in place of BatchNorm: it
knows one picture only, so that micro-batches change nothing. With the body of EfficientNet-lite0 it has some
70,000 parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from crosstune.sources.base import Backbone
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.segmenter import PlaceLinear
from crosstune.sources.trace import Trace, first_tensor
from crosstune.sources.unet import UNetDecoder

WIDTH, GROUPS = 64, 8
"""ASSUMED: common width, of which a few hundred pictures can train a 3x3 convolution; groups of its norms."""

FINEST = 4
"""Maps of less than this many pixels a place are not read. PRIOR: SegFormer, UPerNet and FPN end at 4."""

MOST_MAPS = 4
"""Maps of one scale, as those of a ViT, are thinned to this many, evenly, the last among them (as DPT)."""


@dataclass(frozen=True, kw_only=True)
class Tap:
    """One map that is read."""

    block: int
    """Number of the block whose output it is."""
    path: str
    """Of the module in the body."""
    channels: int
    side: int
    """Places in a row."""
    layout: str
    """``BCHW``, ``BHWC`` or ``BTC``."""


def find_taps(body: Backbone, trace: Trace, side: int, finest: int = FINEST) -> list[Tap]:
    """Choose the maps to read: the last of each scale, finest first; of one scale alone, several.

    Args:
        body: an opened picture model.
        trace: of one forward at the size at which it will be used.
        side: of its input, in pixels.
        finest: pixels a place of the finest map that is read, at least.

    Raises:
        UnsupportedModel: no block gives a map.

    Checked by: ``tests/sources/test_segmenting.py``.
    """
    every = [tap for number in range(len(body.blocks)) if (tap := _tap(body, trace, number))]
    if not every:
        raise UnsupportedModel(
            f"the model `{body.name}` keeps no map of the picture",
            found="blocks that give one vector for each picture",
            expected="blocks whose outputs are maps (B, C, H, W), or tokens of a square of patches",
            fix="choose another model; `crosstune models` lists them",
        )
    # of a side that strides do not divide, a map has one place more
    coarse = [tap for tap in every if finest * (tap.side - 1) < side] or every
    last = {tap.side: tap for tap in coarse}
    if len(last) > 1:
        return sorted(last.values(), key=lambda tap: -tap.side)
    step = max(1, len(coarse) // MOST_MAPS)
    return coarse[::-1][::step][:MOST_MAPS][::-1]


def _tap(body: Backbone, trace: Trace, number: int) -> Tap | None:
    """Give the last map inside a block: pooling may stand behind it."""
    for path in reversed(body.blocks[number].modules):
        shape = trace.shapes.get(path, ())
        if len(shape) == 3 and isqrt(shape[1]) > 1:
            return Tap(block=number, path=path, channels=shape[2], side=isqrt(shape[1]), layout="BTC")
        if len(shape) == 4 and shape[2] == shape[3] > 1:
            return Tap(block=number, path=path, channels=shape[1], side=shape[2], layout="BCHW")
        if len(shape) == 4 and shape[1] == shape[2] > 1:
            return Tap(block=number, path=path, channels=shape[3], side=shape[1], layout="BHWC")
    return None


def as_map(output: Tensor, tap: Tap) -> Tensor:
    """Bring a block's output to ``(B, C, h, w)``; of tokens the last square, behind classes, registers."""
    if tap.layout == "BTC":
        patches = output[:, output.shape[1] - tap.side**2 :]
        return patches.transpose(1, 2).reshape(len(output), tap.channels, tap.side, tap.side)
    return output if tap.layout == "BCHW" else output.movedim(3, 1)


class Decoder(nn.Module):
    """Maps of several scales to one of the finest scale, :data:`WIDTH` wide."""

    def __init__(self, channels: Sequence[int], dropout: float) -> None:
        """Make layers with random weights for maps of so many channels."""
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(one, WIDTH, 1, bias=False) for one in channels)
        self.scales = nn.ModuleList(nn.GroupNorm(GROUPS, WIDTH) for _ in channels)
        self.smooth = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, WIDTH)
        self.dropout, self.width = nn.Dropout2d(dropout), WIDTH

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map tensors ``(B, C_i, h_i, w_i)``, the finest first, to ``(B, WIDTH, h_0, w_0)``."""
        total = torch.zeros((), device=maps[0].device)
        for one, lateral, norm in zip(maps, self.laterals, self.scales, strict=True):
            own = norm(lateral(one))
            if own.shape[-2:] != maps[0].shape[-2:]:
                own = functional.interpolate(
                    own, size=maps[0].shape[-2:], mode="bilinear", align_corners=False
                )
            total = total + own
        smoothed = functional.relu(self.norm(self.smooth(functional.relu(total))))
        kept: Tensor = self.dropout(smoothed)
        return kept


class MapReader(nn.Module):
    """A body of any library, some of whose maps are read while it runs."""

    def __init__(self, body: nn.Module, taps: Sequence[Tap]) -> None:
        """Hold the body, and know which maps to read."""
        super().__init__()
        self.body, self.taps = body, tuple(taps)

    def maps(self, batch: Mapping[str, Tensor]) -> list[Tensor]:
        """Run the body on a batch; returns the maps ``(B, C, h, w)`` in the order of the taps."""
        found: dict[str, Tensor] = {}

        def reader(path: str) -> Any:  # noqa: ANN401 - a hook
            def read(_module: nn.Module, _given: tuple[Any, ...], output: object) -> None:
                tensor = first_tensor(output)
                if tensor is not None:
                    found[path] = tensor

            return read

        # Hooks of this call only: a copy of the model has none that write into the original.
        handles = [
            self.body.get_submodule(tap.path).register_forward_hook(reader(tap.path)) for tap in self.taps
        ]
        try:
            self.body(**batch)
        finally:
            for handle in handles:
                handle.remove()
        return [as_map(found[tap.path], tap) for tap in self.taps]


class DenseModel(MapReader):
    """A body of any library, whose maps a decoder reads; what the body does behind the last map is unused."""

    def __init__(
        self,
        body: nn.Module,
        taps: Sequence[Tap],
        outputs: int,
        dropout: float,
        decoder: type[Decoder] | type[UNetDecoder] = Decoder,
    ) -> None:
        """Put a decoder of random weights, and a last layer of K outputs, behind a body."""
        super().__init__(body, taps)
        self.decoder = decoder([tap.channels for tap in taps], dropout)
        self.classifier = PlaceLinear(self.decoder.width, outputs)

    def forward(self, sizes: Tensor | None = None, **batch: Tensor) -> Tensor:
        """Return ``(B, K, h, w)`` of the finest map that is read; ``sizes`` is not for the model."""
        del sizes
        logits: Tensor = self.classifier(self.decoder(self.maps(batch)))
        return logits
