"""Inputs as the model reads them, kept in memory from the first epoch on.

Where nothing changes examples from epoch to epoch, reading, decoding and encoding them again gives the same
numbers. For sounds that is a good part of a step: spectrograms are made one by one, on the processor.

Shapes: B batch, T tokens or frames.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from crosstune.core.items import Items
from crosstune.sources.base import Batch, Preprocessing
from crosstune.training.encoding import encode

MOST_BYTES = 512 << 20
"""ASSUMED: a laptop has so much left beside a training. Examples that do not fit are encoded every time."""
CHECKS = 3
"""ASSUMED: batches with padding that are compared with what the preprocessing makes of them as a whole."""


class PreparedInputs:
    """The encoded examples of a split; a batch of them is what the preprocessing would give.

    Each example is encoded alone and padded as the preprocessing pads, which is learnt from the first batches
    and held against them. Where the two differ, everything is encoded anew from then on.
    """

    def __init__(self, items: Items, preprocessing: Preprocessing, most: int = MOST_BYTES) -> None:
        """Keep nothing yet.

        Args:
            items: the examples.
            preprocessing: that of the model.
            most: bytes that may be kept.
        """
        self.items, self.preprocessing, self.most = items, preprocessing, most
        self.bytes = 0
        self.works = True
        self._kept: dict[int, Batch] = {}
        self._padding: dict[str, tuple[bool, float]] = {}
        self._checks = 0

    def batch(self, indices: Sequence[int]) -> Batch:
        """Give some examples, in the order of ``indices``, in memory of their own.

        Checked by: ``tests/training/test_prepared.py``, against the preprocessing, bit by bit.
        """
        if not self.works:
            return self._fresh(indices)
        rows = self._rows(indices)
        padded = any(row[name].shape != one.shape for row in rows for name, one in rows[0].items())
        if self._checks == CHECKS or (self._checks and not padded):
            return {name: self._joined(name, rows) for name in rows[0]}
        fresh = self._fresh(indices)
        self.works = self._learn(rows, fresh)
        self._checks += self.works and (padded or not self._checks)
        if not self.works:
            self._kept.clear()
        return fresh

    def _fresh(self, indices: Sequence[int]) -> Batch:
        return encode(self.preprocessing, self.items.batch(indices))

    def _rows(self, indices: Sequence[int]) -> list[Batch]:
        """Encode those that are not kept, one by one, and keep them where there is room."""
        missing = [index for index in indices if index not in self._kept]
        raw = self.items.batch(missing) if missing else []
        made = {index: encode(self.preprocessing, [one]) for index, one in zip(missing, raw, strict=True)}
        for index, row in made.items():
            size = sum(tensor.nbytes for tensor in row.values())
            if self.bytes + size <= self.most:
                self._kept[index] = row
                self.bytes += size
        return [self._kept[index] if index in self._kept else made[index] for index in indices]

    def _joined(self, name: str, rows: Sequence[Batch]) -> Tensor:
        parts = [row[name] for row in rows]
        if all(part.shape == parts[0].shape for part in parts):
            return torch.cat(parts)
        left, value = self._padding[name]
        longest = max(part.shape[1] for part in parts)
        whole = parts[0].new_full((len(parts), longest, *parts[0].shape[2:]), value)
        for place, part in enumerate(parts):
            length = part.shape[1]
            whole[place, longest - length if left else 0 :][:length] = part[0]
        return whole

    def _learn(self, rows: Sequence[Batch], fresh: Batch) -> bool:
        """Learn how each entry is padded; say whether the rows, padded so, are the fresh batch."""
        if any(row.keys() != fresh.keys() for row in rows):
            return False
        return all(self._explains(name, rows, whole) for name, whole in fresh.items())

    def _explains(self, name: str, rows: Sequence[Batch], whole: Tensor) -> bool:
        parts = [row[name] for row in rows]
        if all(part.shape == parts[0].shape for part in parts):
            return torch.equal(torch.cat(parts), whole)
        if any(part.ndim < 2 or part.shape[2:] != whole.shape[2:] for part in parts):
            return False
        row = min(range(len(parts)), key=lambda place: parts[place].shape[1])
        for left in (False, True):
            self._padding[name] = left, whole[row, 0 if left else -1].flatten()[0].item()
            if torch.equal(self._joined(name, rows), whole):
                return True
        return False
