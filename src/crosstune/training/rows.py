"""Some rows of a split, as a split of their own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crosstune.core.domains import Domains
from crosstune.core.items import Items


@dataclass(frozen=True)
class Rows:
    """The examples of ``whole`` at ``chosen``, in that order."""

    whole: Items
    chosen: Sequence[int]

    @property
    def digest(self) -> str:
        """Hash the digest of the whole and the choice."""
        text = f"{self.whole.digest} {list(self.chosen)}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.chosen)

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Decode the raw examples at ``indices`` of the choice."""
        return self.whole.batch([self.chosen[int(index)] for index in indices])

    def targets(self) -> list[Any]:
        """Return the raw targets of the choice; empty where the data has none."""
        values = self.whole.targets()
        return [values[index] for index in self.chosen] if values else []

    def origins(self) -> list[str]:
        """Return where the examples of the choice come from."""
        names = self.whole.origins()
        return [names[index] for index in self.chosen]

    def domains(self) -> Domains | None:
        """Return the domains of the choice; ``None`` where the data names none."""
        found = self.whole.domains()
        return None if found is None else found.take(self.chosen)
