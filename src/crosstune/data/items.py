"""The examples of one split, decoded on demand: implements ``core.items.Items``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from datasets import Dataset

from crosstune.core.domains import Domains
from crosstune.core.labels import class_name
from crosstune.data.boxes.target import ObjectsTarget
from crosstune.data.content import digest_rows
from crosstune.data.digests import Digests
from crosstune.data.kinds.registry import kind_called
from crosstune.data.masks.classes import MaskClasses
from crosstune.data.masks.target import MaskTarget
from crosstune.data.store import ORIGIN, values

_MANY = 1024


@dataclass(frozen=True, kw_only=True)
class SplitItems:
    """A lazy sequence of raw examples. Cheap to make; holds no decoded data."""

    dataset: Dataset
    inputs: tuple[str, ...]
    target: str | None
    modality: str
    digests: Digests | None = None
    """Row hashes, where the check has made them."""
    domain: str | None = None
    """The column that says which domain an example comes from."""
    domain_names: tuple[str, ...] = ()
    """Of all splits."""
    masks: MaskClasses | None = None
    """Where the targets are files of masks: what their values mean."""
    boxes: bool = False
    """Whether the targets are objects with a box each."""

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.dataset)

    @cached_property
    def _cells(self) -> Dataset:
        return self.dataset.select_columns(list(self.inputs)).with_format("arrow")

    def _rows(self, indices: Sequence[int]) -> list[Any]:
        """Return the undecoded inputs: cells, texts, or tuples of texts."""
        table = self._cells[[int(index) for index in indices]]
        columns = [table.column(name).to_pylist() for name in self.inputs]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Decode the examples at ``indices``: upright RGB images, texts, or pairs of texts.

        Raises ``ImageProblem`` for an image that cannot be used; the check sets those aside.
        """
        if not len(indices):
            return []
        return kind_called(self.modality).decoded(self._rows(indices))

    def targets(self) -> list[Any]:
        """Return the raw target of every example; empty where the data has none.

        Masks are read when their pixels are asked for.
        """
        found = values(self.dataset, self.target) if self.target else []
        if self.boxes and found:
            cells = values(self.dataset, self.inputs[0])
            return [ObjectsTarget(own or [], cell) for own, cell in zip(found, cells, strict=True)]
        return found if self.masks is None else [MaskTarget(cell, self.masks) for cell in found]

    def origins(self) -> list[str]:
        """Return the file, or file and row, of every example."""
        return values(self.dataset, ORIGIN)

    def domains(self) -> Domains | None:
        """Return the domain of every example; ``None`` where no column says it.

        Raises ``ValueError`` for a row without one; the check sets those aside.
        """
        if self.domain is None:
            return None
        number = self.domain_names.index
        ids = [number(class_name(value)) for value in values(self.dataset, self.domain)]
        return Domains(self.domain_names, np.array(ids, dtype=np.int64))

    @cached_property
    def row_digests(self) -> Digests:
        """A content hash for every example; from the check, or computed by reading everything once."""
        if self.digests is not None:
            return self.digests
        found: list[str] = []
        for start in range(0, len(self), _MANY):
            rows = self._rows(range(start, min(start + _MANY, len(self))))
            found.extend(map(kind_called(self.modality).digest, rows))
        return Digests.of(found)

    @cached_property
    def digest(self) -> str:
        """A hash of the content of all inputs, in order: part of every cache key."""
        return digest_rows(self.row_digests)

    def subset(self, indices: Sequence[int]) -> "SplitItems":
        """Return the examples at ``indices``, in that order."""
        chosen = [int(index) for index in indices]
        return SplitItems(
            dataset=self.dataset.select(chosen),
            inputs=self.inputs,
            target=self.target,
            modality=self.modality,
            digests=None if self.digests is None else self.digests.take(chosen),
            domain=self.domain,
            domain_names=self.domain_names,
            masks=self.masks,
            boxes=self.boxes,
        )
