"""The objects of one picture as a target: their boxes, and the picture whose size these are held against."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.data.boxes.form import Boxes, Size, boxes_of
from crosstune.data.images import FORMATS, ImageProblem, read_bytes, upright_size


@dataclass(frozen=True)
class ObjectsTarget:
    """Implements ``core.placed_objects.PlacedObjects``."""

    objects: Sequence[Mapping[str, Any]]
    """In the form of ``data/boxes/form.py``."""
    cell: Mapping[str, Any] | None = field(repr=False)
    """The picture: ``{"bytes", "path"}``."""

    def __str__(self) -> str:
        """Name the objects, so that equal ones are one target to whoever compares targets."""
        shown = (f"{one['label']} {[round(side, 2) for side in one['box']]}" for one in self.objects)
        return "; ".join(shown)

    def size(self) -> Size:
        """Read width and height of the upright picture from its header.

        Raises:
            ImageProblem: it cannot be read; the check sets such a picture aside.
        """
        cell = self.cell or {"path": None, "bytes": None}
        if cell["bytes"] is None and not cell["path"]:
            raise ImageProblem("missing-file", "the cell is empty")
        file = str(cell["path"]) if cell["bytes"] is None else io.BytesIO(read_bytes(cell))
        # Only the header is read: a split of pictures is not read twice for the sake of two numbers.
        with Image.open(file, formats=FORMATS) as image:
            return upright_size(image)

    def boxes(self) -> Boxes:
        """Give left, top, right, bottom in pixels, ``(n, 4)``."""
        return boxes_of([dict(one) for one in self.objects])

    def labels(self) -> list[str]:
        """Name the class of each object."""
        return [str(one["label"]) for one in self.objects]

    def ignored(self) -> NDArray[np.bool_]:
        """Say which objects are neither learnt nor counted, ``(n,)``."""
        return np.array([bool(one["ignore"]) for one in self.objects], dtype=np.bool_)


def classes_of(objects: Sequence[Sequence[Mapping[str, Any]] | None]) -> list[list[str]]:
    """List the classes of the objects of each picture that count, sorted."""
    return [sorted({str(one["label"]) for one in own or () if not one["ignore"]}) for own in objects]
