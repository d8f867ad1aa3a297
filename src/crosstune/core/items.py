"""Examples of one split, as the stages see them. Implemented by ``data/items.py``."""

from collections.abc import Sequence
from typing import Any, Protocol

from crosstune.core.domains import Domains


class Items(Protocol):
    """A sequence of raw examples that can be larger than memory."""

    @property
    def digest(self) -> str:
        """A hash of the content of all inputs: part of every cache key."""
        ...

    def __len__(self) -> int:
        """Count the examples."""
        ...

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Decode the raw examples at ``indices``: RGB ``PIL.Image``, ``str``, or pairs of ``str``."""
        ...

    def targets(self) -> list[Any]:
        """Return the raw target of every example; empty where the data has none."""
        ...

    def origins(self) -> list[str]:
        """Return the file, or file and row, of every example."""
        ...

    def domains(self) -> Domains | None:
        """Return the domain of every example; ``None`` where the data names none."""
        ...
