"""Batches, decoded in the background while an engine computes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from os import cpu_count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.items import Items
from crosstune.frozen.background import background
from crosstune.sources.base import Backbone, Batch

Indices = NDArray[np.int64]
Change = Callable[[list[Any], Sequence[int]], list[Any]]
"""An augmentation: (raw examples, their indices) to raw examples."""

_AHEAD = 3
_LENGTHS_AT_ONCE = 1024


def processing_order(backbone: Backbone, items: Items) -> Indices:
    """Return the order in which to compute: the longest first, so that batches hold like lengths.

    Longest first also finds out at once whether memory suffices. What has one length keeps its order, such
    as pictures. Cost: one tokenisation of the texts; sounds are decoded once more.
    """
    if not backbone.lengths_vary:
        return np.arange(len(items), dtype=np.int64)
    lengths: list[int] = []
    for start in range(0, len(items), _LENGTHS_AT_ONCE):
        indices = range(start, min(start + _LENGTHS_AT_ONCE, len(items)))
        lengths += backbone.preprocessing.lengths(items.batch(indices))
    return np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")


def example_batch(backbone: Backbone, items: Items, order: Indices, size: int) -> Batch:
    """Make a typical batch: the first and last of the order, then examples spread over it.

    The first two rows thus differ in length where any do, so a trace sees padding.
    """
    spread = np.linspace(0, len(order) - 1, num=max(2, min(size, len(order)))).astype(int)
    places = [0, len(order) - 1, *spread[1:-1].tolist()][: len(order)]
    return backbone.preprocessing(items.batch([int(order[place]) for place in places]))


def batches(
    backbone: Backbone,
    items: Items,
    order: Indices,
    size: int,
    *,
    change: Change | None = None,
) -> Iterator[tuple[Indices, Batch]]:
    """Yield (indices, batch) in ``order``, decoding a few batches ahead in other threads.

    Pictures and sounds are decoded by several threads (decoders release the interpreter lock), texts by one
    (a fast tokenizer must not be used by two threads at once). An error in a thread is raised here.
    """

    def load(indices: Indices) -> Batch:
        chosen = indices.tolist()
        raw = items.batch(chosen)
        return backbone.preprocessing(change(raw, chosen) if change else raw)

    workers = 1 if backbone.modality == "text" else max(1, min(4, cpu_count() or 1))
    waiting: deque[tuple[Indices, Future[Batch]]] = deque()
    with background(workers, "crosstune-decode") as pool:
        for start in range(0, len(order), size):
            indices = order[start : start + size]
            waiting.append((indices, pool.submit(load, indices)))
            if len(waiting) > _AHEAD + workers - 1:
                ready, future = waiting.popleft()
                yield ready, future.result()
        while waiting:
            ready, future = waiting.popleft()
            yield ready, future.result()
