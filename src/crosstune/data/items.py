"""The examples of one split, decoded on demand: implements ``core.items.Items``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from datasets import Dataset

from crosstune.core.domains import Domains
from crosstune.core.labels import class_name
from crosstune.data.content import digest_bytes, digest_rows, digest_texts
from crosstune.data.digests import Digests
from crosstune.data.images import decode, read_bytes
from crosstune.data.store import ORIGIN, values
from crosstune.data.threads import each_in_order

_MANY = 1024
_BIG = 30_000
"""Bytes of an encoded image above which threads pay: Pillow then leaves the interpreter lock alone."""


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
        rows = self._rows(indices)
        if self.modality != "image":
            return rows
        encoded = rows[0]["bytes"] if rows[0] else None
        if len(rows) > 1 and (encoded is None or len(encoded) > _BIG):
            return list(each_in_order(decode, rows))
        return [decode(cell) for cell in rows]

    def targets(self) -> list[Any]:
        """Return the raw target of every example; empty where the data has none."""
        return values(self.dataset, self.target) if self.target else []

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
            found.extend(self._digest(row) for row in rows)
        return Digests.of(found)

    def _digest(self, row: Any) -> str:  # noqa: ANN401
        if self.modality == "image":
            return digest_bytes(read_bytes(row))
        return digest_texts(row if isinstance(row, tuple) else (row,))

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
        )
