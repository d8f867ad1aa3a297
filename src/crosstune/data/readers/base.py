"""What a reader takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from datasets import Dataset

from crosstune.data.places import Places


@dataclass(frozen=True, kw_only=True)
class RawData:
    """Tables as found, before anybody knows what the columns mean."""

    source: str
    splits: Mapping[str, Dataset]
    """Plain tables with the column ``__origin__``, by canonical split name or ``all``."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """By split: the folder that relative image paths start from; absent means the working directory."""
    inputs: tuple[str, ...] = ()
    """Where the layout itself fixes them (class folders)."""
    target: str | None = None
    modality: str | None = None
    typed: bool = True
    """False where every cell is text as typed (CSV), so that numbers still have to be recognised."""
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By column: class names that the data declares for integers 0, 1, 2 ..."""
    notes: tuple[str, ...] = ()
    tagged: bool = False
    """Whether the target is one tag for each word of the input."""
    places: Places | None = None
    """Where the target is boxes or masks: what else is known about them."""


class Reader(Protocol):
    """One layout. One file each under ``readers/``, one line in the registry."""

    name: str
    """For messages: what the layout is."""

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """Say whether this reader reads ``data``; cheap, and opens no file fully."""
        ...

    def read(self, data: Any) -> RawData:  # noqa: ANN401
        """Read; raises ``UserError`` where the data is broken as a whole."""
        ...
