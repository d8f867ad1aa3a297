"""Hand-made backbones that train in milliseconds: a convolutional one with BatchNorm, and a linear one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from crosstune.core.settings import Settings, with_values
from crosstune.sources.base import Backbone, Batch, Block
from tests.support.tiny import MemoryItems

SIDE = 8


class Pixels:
    """Scales pictures of 8 x 8 pixels to [-1, 1]."""

    def __call__(self, raw: Sequence[Any]) -> Batch:
        """Encode pictures to ``(B, 3, 8, 8)``."""
        arrays = [np.asarray(one.resize((SIDE, SIDE)), dtype=np.float32) for one in raw]
        return {"x": torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2) / 127.5 - 1.0}

    def lengths(self, raw: Sequence[Any]) -> list[int]:
        """One for each picture."""
        return [1] * len(raw)

    def describe(self) -> dict[str, Any]:
        """Name the side."""
        return {"side": SIDE}


class Net(nn.Module):
    """Stem, two blocks with BatchNorm (the last with dropout), global pooling, head."""

    def __init__(self, outputs: int, dropout: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.first = nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(
            nn.Conv2d(8, 8, 1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(8, 8, 3, groups=8),
        )
        self.head = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, 3, H, W)`` to ``(B, K)``."""
        return self.head(self.second(self.first(self.stem(x))).mean((2, 3)))


def convolutional(outputs: int, *, dropout: float = 0.0, seed: int = 0) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Net(outputs, dropout)
    widths = {"stem": 6, "first": 8, "second": 8}
    blocks = tuple(
        Block(
            name=name, modules=(name,), parameters=sum(p.numel() for p in getattr(model, name).parameters()),
            share=0.3, width=width, layout="BCHW",
        )
        for name, width in widths.items()
    )  # fmt: skip
    return _backbone(model, blocks)


class Flat(nn.Module):
    """Pictures as vectors, a fixed scaling as the only block, and a linear head."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.body = nn.Flatten()
        self.head = nn.Linear(3 * SIDE * SIDE, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, 3, 8, 8)`` to ``(B, K)``."""
        return self.head(self.body(x))


def flat(outputs: int) -> Backbone:
    model = Flat(outputs)
    block = Block(
        name="body", modules=("body",), parameters=0, share=0.0, width=3 * SIDE * SIDE, layout="BC"
    )  # fmt: skip
    return _backbone(model, (block,))


def _backbone(model: nn.Module, blocks: tuple[Block, ...]) -> Backbone:
    return Backbone(
        name="small", source="test", modality="image", licence="none", origin="random", pretrained=False,
        model=model, blocks=blocks, head="head", preprocessing=Pixels(), logits=lambda out: out,
        save=lambda *_: None, loads_with="",
    )  # fmt: skip


def coloured(n: int, *, classes: int = 3, seed: int = 0) -> MemoryItems:
    """Pictures whose class is the channel that is bright: separable, with noise."""
    draw = np.random.default_rng(seed)
    raw, values = [], []
    for index in range(n):
        label = index % classes
        pixels = draw.integers(0, 110, (SIDE, SIDE, 3))
        pixels[..., label] += 70
        raw.append(Image.fromarray(pixels.astype(np.uint8)))
        values.append(f"class-{label}")
    return MemoryItems(raw, values)


def plain(**values: Any) -> Settings:
    """Settings without anything that is measured."""
    fixed = {"precision": "fp32", "memory_format": "contiguous", "cache": "off", "warmup": 0.0}
    return with_values(Settings(), fixed | values)
