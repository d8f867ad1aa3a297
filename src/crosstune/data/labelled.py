"""Labelled data as read: splits of rows, and which columns mean what."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from crosstune.data.digests import Digests
from crosstune.data.items import SplitItems
from crosstune.data.places import BOXES, Places
from crosstune.data.store import ORIGIN, PROBLEM

__all__ = ["ORIGIN", "PROBLEM", "LabelledData"]


@dataclass(frozen=True, kw_only=True)
class LabelledData:
    """What a reader found. Immutable: checking, cleaning and splitting return new values."""

    source: str
    """The data, as the user named it."""
    splits: Mapping[str, Dataset]
    """By name: some of ``train``, ``validation``, ``test``; or only ``all`` where there are no splits yet.
    Every dataset has the column ``__origin__``. Image cells are ``{"bytes", "path"}`` with an absolute
    path."""
    inputs: tuple[str, ...]
    """One column, or two for a pair of texts."""
    target: str | None
    modality: str
    """``image`` or ``text``."""
    group: str | None = None
    """Rows with equal values in this column never fall into different splits that are made."""
    domain: str | None = None
    """The column that says which domain a row comes from."""
    domain_names: tuple[str, ...] = ()
    """The domains of all splits, those that are trained on first."""
    declared: tuple[str, ...] = ()
    """Class names that the data itself declares, in their order."""
    notes: tuple[str, ...] = ()
    """What the reader and the splitter did, for people."""
    digests: Mapping[str, Digests] = field(default_factory=dict)
    """By split: a content hash for each row, where the check has made them."""

    tagged: bool = False
    """Whether the target is one tag for each word of a text."""

    places: Places | None = None
    """Where the target is boxes or masks: what else is known about them."""

    alike: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    """By split: a number for each row, where the check has made them; rows of equal or nearly equal content
    have the same, in all splits."""

    def items(self, split: str) -> SplitItems:
        """Return the examples of a split; raises ``KeyError`` for a split that is not there."""
        return SplitItems(
            dataset=self.splits[split],
            inputs=self.inputs,
            target=self.target,
            modality=self.modality,
            digests=self.digests.get(split),
            domain=self.domain,
            domain_names=self.domain_names,
            masks=self.places.classes if self.places is not None else None,
            boxes=self.places is not None and self.places.kind == BOXES,
        )

    def contents(self, split: str) -> list[Hashable] | None:
        """Give what rows of equal, or nearly equal, content share, ``""`` for none; ``None`` if not known."""
        if split in self.alike:
            return list(self.alike[split].tolist())
        return list(self.digests[split]) if split in self.digests else None

    def rows(self) -> int:
        """Count the rows of all splits."""
        return sum(len(dataset) for dataset in self.splits.values())

    def with_rows(self, chosen: Mapping[str, tuple[str, Sequence[int]]], *notes: str) -> "LabelledData":
        """Return data whose splits are rows of the present ones.

        Args:
            chosen: new split name to (present split name, row numbers).
            notes: sentences to add.
        """
        splits = {name: self.splits[old].select(rows) for name, (old, rows) in chosen.items()}
        digests = {
            name: self.digests[old].take(rows) for name, (old, rows) in chosen.items() if old in self.digests
        }
        alike = {
            name: self.alike[old][np.asarray(rows, np.int64)]
            for name, (old, rows) in chosen.items()
            if old in self.alike
        }
        return replace(self, splits=splits, digests=digests, alike=alike, notes=(*self.notes, *notes))
