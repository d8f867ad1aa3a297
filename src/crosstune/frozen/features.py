"""What a frozen pass gives: pooled features of every example after every block.

Shapes: N examples, H width of the head's input, W_b width of block b.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Features:
    """Rows are in the order of the items."""

    head_input: NDArray[np.float32]
    """``(N, H)``: what the native head reads."""
    blocks: tuple[NDArray[np.float32], ...]
    """``(N, W_b)`` for each block: its output, averaged over positions."""
    names: tuple[str, ...]
    """Of the blocks."""
    engine: str
    """Which engine computed them."""
    seconds: float
    """What the pass cost when it was computed; a pass found on disk keeps this figure."""
    joined: NDArray[np.float32] | None = None
    """``(N, sum W_b)`` where the blocks are already views of one array."""

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.head_input)

    def all_blocks(self) -> NDArray[np.float32]:
        """Return the features of all blocks side by side, ``(N, sum W_b)``; no copy of a pass on disk."""
        return self.joined if self.joined is not None else np.concatenate(self.blocks, axis=1)

    def rows(self, indices: Sequence[int] | NDArray[np.integer]) -> "Features":
        """Return the features of some examples, in the order of ``indices``, in memory."""
        chosen = np.asarray(indices, dtype=np.int64)
        return from_joined(
            np.asarray(self.all_blocks()[chosen]),
            np.asarray(self.head_input[chosen]),
            names=self.names,
            widths=[block.shape[1] for block in self.blocks],
            engine=self.engine,
            seconds=self.seconds,
        )


def from_joined(
    joined: NDArray[np.float32],
    head_input: NDArray[np.float32],
    *,
    names: Sequence[str],
    widths: Sequence[int],
    engine: str,
    seconds: float,
) -> Features:
    """Cut ``(N, sum W_b)`` into views of each block."""
    edges = np.cumsum([0, *widths]).tolist()
    if edges[-1] != joined.shape[1] or len(names) != len(widths):
        raise ValueError(f"widths {list(widths)} of blocks {list(names)} do not cover {joined.shape[1]}")
    blocks = tuple(joined[:, start:stop] for start, stop in pairwise(edges))
    return Features(
        head_input=head_input,
        blocks=blocks,
        names=tuple(names),
        engine=engine,
        seconds=seconds,
        joined=joined,
    )
