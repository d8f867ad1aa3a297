"""What the scores of a model read: the head's input, the last block, the mean over layers, all blocks.

Shapes: N rows, D columns.
"""

from dataclasses import dataclass

import numpy as np

from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.probing.matrix import FeatureBlocks, Matrix

READS = ("head", "last", "mean", "all")
"""In the order in which ties are decided: fewest columns first."""


@dataclass(frozen=True)
class Read:
    """One set of columns."""

    name: str
    """One of ``READS``, or the name of a block."""
    matrix: Matrix


def list_reads(features: FeatureBlocks, *, singles: bool = False) -> list[Read]:
    """List the sets of columns that compete for a model, at most four, or these and every single block.

    ``last`` is left out where it is the head's input, ``all`` where there is one block, and ``mean`` (of the
    blocks' outputs) where blocks have different widths or there is one: averaging over layers helps
    transformers, whose layers share their axes (Garbas, Ploner and Akbik, Findings of ACL 2024).

    Args:
        features: of N rows.
        singles: whether the blocks before the last compete alone too.
    """
    blocks, found = features.blocks, [Read("head", Matrix(((features.head_input,),)))]
    if not reads_last(features):
        found.append(Read("last", Matrix(((blocks[-1],),))))
    if len(blocks) > 1 and len({block.shape[1] for block in blocks}) == 1:
        mean = np.zeros(blocks[0].shape, np.float32)
        for block in blocks:
            mean += block
        found.append(Read("mean", Matrix(((mean / np.float32(len(blocks)),),))))
    if len(blocks) > 1:
        found.append(Read("all", Matrix((tuple(blocks),))))
    if singles:
        alone = zip(features.names[:-1], blocks[:-1], strict=True)
        found += [Read(name, Matrix(((block,),))) for name, block in alone]
    return found


def reads_last(features: FeatureBlocks) -> bool:
    """Say whether the head's input is the pooled last block, as in most convolutional networks."""
    last = features.blocks[-1]
    same = last.shape == features.head_input.shape
    return same and np.allclose(last, features.head_input, rtol=1e-4, atol=1e-5)


def check_finite(model: str, features: FeatureBlocks) -> None:
    """Refuse features that hold NaN or infinity.

    Raises:
        NonFiniteFeatures: names the first such block and its rows.
    """
    parts = [*zip(features.names, features.blocks, strict=True), ("the head's input", features.head_input)]
    for where, block in parts:
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            rows = [f"row {row}" for row in np.flatnonzero(bad)]
            raise NonFiniteFeatures(model, origins=rows, where=where)
