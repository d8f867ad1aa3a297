"""Which domain each example comes from: a source, a hospital, a year, as the user's column says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Domains:
    """The domain of each of N examples, as numbers into a list of names that all splits share."""

    names: tuple[str, ...]
    """Those that are trained on first; names that a split does not hold stand here too."""
    ids: NDArray[np.int64]
    """``(N,)``, from 0."""

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.ids)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Count the examples of each name: ``(len(names),)``."""
        return np.bincount(self.ids, minlength=len(self.names))

    @property
    def present(self) -> tuple[str, ...]:
        """The names that have an example, in order."""
        return tuple(name for name, count in zip(self.names, self.counts.tolist(), strict=True) if count)

    def rows(self, name: str) -> NDArray[np.int64]:
        """Number the examples of one domain, in order."""
        return np.flatnonzero(self.ids == self.names.index(name)).astype(np.int64)

    def take(self, chosen: "Sequence[int] | NDArray[Any]") -> "Domains":
        """Give the domains of the examples ``chosen``, in that order."""
        return Domains(self.names, self.ids[np.asarray(chosen, np.int64)])
