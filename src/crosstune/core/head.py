"""A linear head as plain arrays: what a closed-form fit gives and what training can start from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROWS = 4_096
"""Rows that are answered at once."""


@dataclass(frozen=True, kw_only=True)
class HeadWeights:
    """``outputs = features @ weight.T + bias``; any scaling of the features is folded in."""

    features: str
    """What it reads: ``head`` (the native head's own input), ``last`` (last block), ``all`` blocks."""
    kind: str
    """How it was fitted: ``ridge``, ``logistic``, ``blend`` (the mean of both), ``stack`` (ridge on every
    block, added up), or ``trained``."""
    weight: NDArray[np.float64]
    """``(K, D)``."""
    bias: NDArray[np.float64]
    """``(K,)``."""
    penalty: float
    """The strength of the penalty that was chosen (of a blend: that of its logistic part)."""

    def __call__(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map ``(N, D)`` features to ``(N, K)`` outputs.

        Block by block: features may be a memory map, and numpy would copy all of it to float64.
        """
        outputs = np.empty((len(features), len(self.bias)))
        for start in range(0, len(features), ROWS):
            part = slice(start, start + ROWS)
            outputs[part] = features[part] @ self.weight.T + self.bias
        return outputs
