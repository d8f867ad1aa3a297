"""Frozen features as one matrix of standardised columns, read in chunks.

Features arrive as float32 arrays, one for each block, often memory maps. Shapes: N rows, D columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 32_000_000
"""Size of one chunk of rows: large enough for a fast product, small beside any memory."""

KEPT_BYTES = 2_500_000_000
"""A standardised copy up to this size is kept for many passes; a larger one is made again each pass."""

EXACT_VALUES = 2e7
"""Columns of matrices up to this size are summed up in float64."""

FLOOR = 0.1
"""Share of the usual deviation in its block below which a column is not scaled up to the others.

Units that hardly ever fire would otherwise get huge weights, which magnify the rounding of an engine and
whatever shifts a little: with plain standardisation a ridge head on EfficientNet-lite0 lost 20 points of
accuracy between OpenVINO and torch (docs/decisions/0005-soft-standardisation.md)."""

CONSTANT = 1e-6
"""A column whose deviation is below this share of its mean is constant as far as float32 can say."""


class FeatureBlocks(Protocol):
    """What this room reads of :class:`crosstune.frozen.features.Features`."""

    @property
    def head_input(self) -> NDArray[np.float32]:
        """What the native head reads, ``(N, H)``."""
        ...

    @property
    def blocks(self) -> tuple[NDArray[np.float32], ...]:
        """Pooled output of each block, ``(N, W_b)``."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each block."""
        ...


@dataclass(frozen=True)
class Matrix:
    """N rows stacked from ``parts``; each part lists column blocks of equal height."""

    parts: tuple[tuple[NDArray[np.float32], ...], ...]

    @property
    def rows(self) -> int:
        """N."""
        return sum(len(part[0]) for part in self.parts)

    @property
    def width(self) -> int:
        """D."""
        return sum(block.shape[1] for block in self.parts[0])

    def chunks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield (rows, raw values ``(n, D)``) in order; the array may be reused by nobody else."""
        size = max(1, CHUNK_BYTES // (4 * max(1, self.width)))
        start = 0
        for part in self.parts:
            for low in range(0, len(part[0]), size):
                values = np.concatenate([block[low : low + size] for block in part], axis=1, dtype=np.float32)
                yield slice(start, start + len(values)), values
                start += len(values)

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the raw values of ``rows`` (ascending), ``(n, D)``."""
        found, start = [], 0
        for part in self.parts:
            inside = rows[(rows >= start) & (rows < start + len(part[0]))] - start
            found.append(np.concatenate([block[inside] for block in part], axis=1, dtype=np.float32))
            start += len(part[0])
        return np.concatenate(found)


@dataclass(frozen=True)
class Scale:
    """Column means and inverse deviations; the inverse deviation of a constant column is zero."""

    mean: NDArray[np.float64]
    inverse: NDArray[np.float64]

    def __getitem__(self, columns: slice) -> "Scale":
        """Keep some columns."""
        return Scale(self.mean[columns], self.inverse[columns])

    def apply(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Standardise ``(n, D)`` values in place, in their own precision."""
        values -= self.mean.astype(values.dtype)
        values *= self.inverse.astype(values.dtype)
        return values

    def fold(
        self, weight: NDArray[np.float64], bias: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Turn a head on standardised columns, ``(D, K)`` and ``(K,)``, into ``(K, D)`` on raw ones."""
        raw = (weight * self.inverse[:, None]).T
        return raw, bias - raw @ self.mean

    def unfold(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn ``(K, D)`` weights on raw columns into ``(D, K)`` weights on standardised ones."""
        safe = np.where(self.inverse > 0, self.inverse, np.inf)
        return (weight / safe).T


@dataclass
class Standardised:
    """A matrix with its scale; keeps one standardised copy where that is small enough."""

    matrix: Matrix
    scale: Scale
    _kept: NDArray[np.float32] | None = field(default=None, repr=False)

    def chunks(self, *, keep: bool = False) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield (rows, standardised values); with ``keep``, later passes read one copy in memory."""
        if self._kept is None and keep and 4 * self.matrix.rows * self.matrix.width <= KEPT_BYTES:
            kept = np.empty((self.matrix.rows, self.matrix.width), dtype=np.float32)
            for rows, values in self.matrix.chunks():
                kept[rows] = self.scale.apply(values)
            self._kept = kept
        if self._kept is None:
            for rows, values in self.matrix.chunks():
                yield rows, self.scale.apply(values).astype(np.float32, copy=False)
            return
        size = max(1, CHUNK_BYTES // (4 * max(1, self.matrix.width)))
        for start in range(0, self.matrix.rows, size):
            yield slice(start, min(start + size, self.matrix.rows)), self._kept[start : start + size]


def measure_scale(matrix: Matrix, names: Sequence[str] = ()) -> Scale:
    """Measure the mean and deviation of every column, in one pass.

    Sums are shifted by the first chunk's mean. Inside a chunk of a large matrix they run in float32,
    everything else in float64.
    ``names`` name the column blocks in the error.

    Raises:
        ValueError: a value is NaN or infinite, which the frozen pass refuses before.
    """
    exact = matrix.rows * matrix.width <= EXACT_VALUES
    dtype: type[np.float64] | type[np.float32] = np.float64 if exact else np.float32
    shift: NDArray[np.floating] | None = None
    first = np.zeros(matrix.width)
    second = np.zeros(matrix.width)
    for _, values in matrix.chunks():
        if shift is None:
            shift = np.nan_to_num(values.mean(axis=0, dtype=np.float64)).astype(dtype)
        with np.errstate(invalid="ignore", over="ignore"):  # refused below, with the block's name
            shifted = values - shift
            first += shifted.sum(axis=0)
            second += np.einsum("nd,nd->d", shifted, shifted)
    rows = max(1, matrix.rows)
    mean = first / rows
    with np.errstate(invalid="ignore"):
        deviation = np.sqrt(np.maximum(second / rows - mean**2, 0.0))
    if shift is not None:
        mean = mean + shift
    _refuse_non_finite(matrix, mean + deviation, names)
    constant = deviation <= CONSTANT * np.abs(mean)
    softened = np.hypot(deviation, FLOOR * _usual(matrix, deviation))
    return Scale(mean, np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, softened)))


def _usual(matrix: Matrix, deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for every column, the root mean square deviation of the columns of its block, ``(D,)``."""
    usual, start = np.empty_like(deviation), 0
    for block in matrix.parts[0]:
        columns = slice(start, start + block.shape[1])
        usual[columns] = np.sqrt(np.mean(deviation[columns] ** 2))
        start = columns.stop
    return usual


def _refuse_non_finite(matrix: Matrix, figures: NDArray[np.float64], names: Sequence[str]) -> None:
    """Raise where a column's figures are not finite, naming its block."""
    if np.isfinite(figures).all():
        return
    bad, start = [], 0
    for index, block in enumerate(matrix.parts[0]):
        stop = start + block.shape[1]
        if not np.isfinite(figures[start:stop]).all():
            bad.append(names[index] if index < len(names) else f"block {index}")
        start = stop
    raise ValueError(f"features that are not finite in {', '.join(bad)}")
