"""Resamples of examples and the interval of what is computed on them. Shapes: N examples."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.core.seeding import generator

PERCENTILES = (2.5, 97.5)
"""Of a 95 % interval."""


def resamples_of(examples: int, *, seed: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    """Yield ``resamples`` draws of N indices out of N, with replacement."""
    draw = generator(seed, "bootstrap")
    for _ in range(resamples):
        yield draw.integers(0, examples, size=examples)


def taken(arrays: tuple[NDArray[Any], ...], index: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Take the same rows of every array."""
    return tuple(array.take(index, axis=0) for array in arrays)


def with_interval(value: float, draws: NDArray[np.float64]) -> Metric:
    """Give a figure the percentile interval of its resampled values."""
    low, high = np.percentile(draws, PERCENTILES).tolist()
    return Metric(value, low, high)


def check_rows(targets: NDArray[Any], *outputs: NDArray[Any]) -> None:
    """Raise ``ValueError`` where outputs and targets differ in length, or are empty."""
    if not len(targets):
        raise ValueError("there is no example to score")
    for array in outputs:
        if len(array) != len(targets):
            raise ValueError(f"{len(array)} rows of outputs but {len(targets)} targets")
