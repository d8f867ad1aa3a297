"""Features in memory, for tests of closed-form heads."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crosstune.probing.heads import FittedHead


@dataclass(frozen=True)
class Pooled:
    """Features in memory."""

    head_input: NDArray[np.float32]
    blocks: tuple[NDArray[np.float32], ...]
    names: tuple[str, ...]

    def rows(self, where: slice) -> "Pooled":
        """Keep some rows."""
        blocks = tuple(block[where] for block in self.blocks)
        return replace(self, head_input=self.head_input[where], blocks=blocks)

    def read(self, head: FittedHead) -> NDArray[np.float32]:
        """Give what a head reads."""
        wide = {"head": self.head_input, "last": self.blocks[-1], "all": np.concatenate(self.blocks, axis=1)}
        return wide[head.head.features]


def pooled(
    signal: NDArray[np.floating], widths: tuple[int, ...] = (4, 6, 8), *, native: bool = True
) -> Pooled:
    """Blocks that see more and more of the signal ``(N, S)``; the head reads the last one, or its own."""
    draw = np.random.default_rng(5)
    blocks = []
    for depth, width in enumerate(widths, start=1):
        mix = draw.normal(size=(signal.shape[1], width))
        noise = draw.normal(size=(len(signal), width)) * 4 / depth**2
        blocks.append((signal @ mix + noise).astype(np.float32))
    head = blocks[-1] if native else np.tanh(blocks[-1])
    return Pooled(head, tuple(blocks), tuple(f"layer.{index}" for index in range(len(widths))))
