"""The mask of one picture as a target: a file, and what its values mean."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crosstune.data.masks.classes import MaskClasses
from crosstune.data.masks.pixels import Values, mask_values


@dataclass(frozen=True)
class MaskTarget:
    """Implements ``core.class_mask.ClassMask``. Holds no pixels, so that a split of them is small."""

    cell: Mapping[str, Any] | None = field(repr=False)
    """The file: ``{"bytes", "path"}``; ``None`` where it is missing."""
    classes: MaskClasses = field(repr=False)

    def __str__(self) -> str:
        """Name the mask by what it shows, so that equal masks are one target to whoever compares targets."""
        pixels = self.pixels()
        names = [str(self.name(int(value))) for value in np.unique(pixels)]
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=8).hexdigest()
        return f"mask {pixels.shape[1]} x {pixels.shape[0]}, {', '.join(names)}, {digest}"

    def pixels(self) -> Values:
        """Decode the mask to ``(H, W)`` values; raises ``ImageProblem`` for one that the check sets aside."""
        return mask_values(self.cell, self.classes)

    def name(self, value: int) -> str | None:
        """Name the class of a value; ``None`` where such pixels are ignored."""
        return None if value in self.classes.ignored else self.classes.name(value)


def classes_in(cells: Sequence[Mapping[str, Any] | None], classes: MaskClasses) -> list[list[str]]:
    """List the classes in each mask, sorted. Cost: decodes every mask once."""
    found = []
    for cell in cells:
        mask = MaskTarget(cell or {}, classes)
        names = {mask.name(int(value)) for value in np.unique(mask.pixels())} if cell else set()
        found.append(sorted(name for name in names if name is not None))
    return found
