"""From raw examples to batches, one thread at a time, and the lengths of a split."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.items import Items
from crosstune.sources.base import Batch, Preprocessing

_ENCODING = threading.Lock()  # fast tokenizers refuse to be used by two threads at once


def encode(preprocessing: Preprocessing, raw: Sequence[Any]) -> Batch:
    """Encode raw examples; one thread at a time."""
    with _ENCODING:
        return preprocessing(raw)


def input_lengths(items: Items, preprocessing: Preprocessing, *, chunk: int = 1024) -> NDArray[np.int64]:
    """Return the length of every text or sound, in what it costs: ``(N,)``.

    Cost: one tokenisation of the split, or decoding its sounds once.
    """
    found: list[int] = []
    for start in range(0, len(items), chunk):
        raw = items.batch(range(start, min(start + chunk, len(items))))
        with _ENCODING:
            found += preprocessing.lengths(raw)
    return np.asarray(found, dtype=np.int64)
