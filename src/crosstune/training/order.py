"""Which examples each step reads: a pure function of (seed, step)."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crosstune.core.seeding import generator
from crosstune.training.bound import Bound

WINDOW = 50
"""Batches in one window of length sorting: long enough to save padding, short enough to stay random."""


@dataclass
class Order:
    """The effective batches of a run; every example comes once in each epoch.

    A last batch with fewer than ``least`` examples joins the one before it, because BatchNorm cannot
    take the variance of one example and every process needs one.
    """

    count: int
    """Examples in the training split."""
    batch_size: int
    """Of one update, over all processes."""
    seed: int
    lengths: NDArray[np.int64] | None = None
    """``(count,)``: where given, batches hold examples of like length."""
    least: int = 2
    rising: bool = False
    """Whether the first epoch goes from short to long (SortaGrad, Amodei 2016); equal ones at random."""
    _epoch: int = field(default=-1, init=False, repr=False)
    _batches: list[NDArray[np.int64]] = field(default_factory=list, init=False, repr=False)

    @property
    def steps_per_epoch(self) -> int:
        """Count the updates of one epoch."""
        whole, rest = divmod(self.count, self.batch_size)
        return max(1, whole + (rest >= self.least))

    def epoch(self, step: int) -> int:
        """Return the epoch that a step (from 0) lies in."""
        return step // self.steps_per_epoch

    def batch(self, step: int) -> NDArray[np.int64]:
        """Return the indices of the examples of a step."""
        epoch = self.epoch(step)
        if epoch != self._epoch:
            self._batches, self._epoch = self._make(epoch), epoch
        return self._batches[step % self.steps_per_epoch]

    def typical(self, count: int) -> list[int]:
        """Give ``count`` steps of the first epoch, at most all, whose batches stand for the whole of it.

        Any do where batches come at random. Where they rise in length, the first would be the shortest: the
        steps begin in the middle, and then come from both halves in turn.
        """
        count = min(count, self.steps_per_epoch)
        if not self.rising or self.lengths is None:
            return list(range(count))
        even = [(2 * place + 1) * self.steps_per_epoch // (2 * count) for place in range(count)]
        return sorted(even, key=lambda step: abs(2 * step + 1 - self.steps_per_epoch))

    def _make(self, epoch: int) -> list[NDArray[np.int64]]:
        draw = generator(self.seed, "order", epoch)
        indices = draw.permutation(self.count)
        if self.lengths is None:
            return self._cut(indices)
        if self.rising and epoch == 0:
            return self._cut(indices[np.argsort(self.lengths[indices], kind="stable")])
        window = WINDOW * self.batch_size
        parts = [indices[start : start + window] for start in range(0, self.count, window)]
        sorted_parts = [part[np.argsort(self.lengths[part], kind="stable")] for part in parts]
        batches = self._cut(np.concatenate(sorted_parts))
        return [batches[position] for position in draw.permutation(len(batches))]

    def _cut(self, indices: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        edges = [self.batch_size * number for number in range(1, self.steps_per_epoch)]
        return np.split(indices, edges)


def shares(
    batch: NDArray[np.int64], *, micro_batch: int | None, rank: int = 0, world: int = 1,
    bound: Bound | None = None,
) -> list[tuple[NDArray[np.int64], bool]]:  # fmt: skip
    """Cut one effective batch into the micro-batches of one process.

    Every process gets the same number of micro-batches, as their gradients are exchanged together. One
    that has fewer examples repeats its first one in a micro-batch that does not count. With a ``bound``
    micro-batches hold as many examples of like length as it allows, and one that has fewer of them repeats
    the batch's first example.

    Returns:
        For each micro-batch its indices and whether it counts.
    """
    portions = np.array_split(batch, world)
    if bound is not None:
        cuts = [bound.cut(portion, micro_batch) for portion in portions]
        missing = max(map(len, cuts)) - len(cuts[rank])
        return [(piece, True) for piece in cuts[rank]] + [(batch[:1], False)] * missing
    most = len(portions[0])
    pieces = -(-most // (micro_batch or most))
    mine = portions[rank]
    cut = np.array_split(mine, pieces)
    return [(piece, True) if len(piece) else (batch[:1], False) for piece in cut]
