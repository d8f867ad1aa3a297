"""Sums over all rows that every closed-form head needs: the Gram matrix and the products with targets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.probing.matrix import Matrix, Scale, Standardised

EXACT_WORK = 2e10
"""Products of at most this many multiplications run in float64; larger ones in float32 chunks."""


@dataclass(frozen=True)
class Moments:
    """Second moments of standardised features X ``(N, D)`` and centred targets Y ``(N, K)``."""

    rows: int
    scale: Scale
    gram: NDArray[np.float64]
    """``X.T @ X``, ``(D, D)``."""
    cross: NDArray[np.float64]
    """``X.T @ Y``, ``(D, K)``."""
    target_mean: NDArray[np.float64]
    """``(K,)``."""

    def __getitem__(self, columns: slice) -> "Moments":
        """Keep some columns: the moments of one block cost nothing once all are known."""
        gram = np.ascontiguousarray(self.gram[columns, columns])
        return Moments(self.rows, self.scale[columns], gram, self.cross[columns], self.target_mean)

    def joined(self, more: Matrix, targets: NDArray[np.float64]) -> "Moments":
        """Add rows, as if all had been summed up together with the deviations of the first ones.

        Args:
            more: raw features of the rows to add, with the same columns.
            targets: their targets ``(M, K)``, not centred.

        Only the means move, so the products are corrected by one outer product each.
        Cost: M D^2 multiplications, instead of those of all rows.
        Checked by: ``tests/probing/test_moments.py``, against the sums of all rows.
        """
        added = measure_moments(Standardised(more, self.scale), targets)
        sums, rows = _column_sums(Standardised(more, self.scale)), self.rows + more.rows
        target_sums = more.rows * (added.target_mean - self.target_mean)
        # here columns are centred on the first rows' means, and targets on each part's own
        cross = self.cross + added.cross + np.outer(sums, added.target_mean - self.target_mean)
        gram = self.gram + added.gram - np.outer(sums, sums) / rows
        deviation = np.divide(1.0, self.scale.inverse, where=self.scale.inverse > 0, out=np.zeros(len(sums)))
        scale = Scale(self.scale.mean + deviation * sums / rows, self.scale.inverse)
        mean = self.target_mean + target_sums / rows
        return Moments(rows, scale, gram, cross - np.outer(sums, target_sums) / rows, mean)


def measure_moments(features: Standardised, targets: NDArray[np.float64], *, keep: bool = False) -> Moments:
    """Sum up the moments in one pass over ``features``.

    Small problems run in float64. Large ones multiply chunks in float32 and add the chunks up in float64:
    the relative error of the Gram is about 1e-6, which every penalty of at least one pseudo-row covers.
    Cost: N D^2 multiplications (half of that on a library with a symmetric product).
    """
    rows, width = features.matrix.rows, features.matrix.width
    precise = rows * width**2 <= EXACT_WORK
    dtype: type[np.float64] | type[np.float32] = np.float64 if precise else np.float32
    mean = targets.mean(axis=0)
    gram = np.zeros((width, width))
    cross = np.zeros((width, targets.shape[1]))
    for where, values in features.chunks(keep=keep):
        part: NDArray[np.floating] = values.astype(dtype, copy=False)
        gram += part.T @ part
        cross += ((targets[where] - mean).T.astype(dtype, order="C") @ part).T
    return Moments(rows, features.scale, gram, cross, mean)


def _column_sums(features: Standardised) -> NDArray[np.float64]:
    total = np.zeros(features.matrix.width)
    for _, values in features.chunks():
        total += values.sum(axis=0, dtype=np.float64)
    return total
