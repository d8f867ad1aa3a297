"""Pictures with boxes as rows of a table: what the readers of all layouts end with."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset
from PIL import Image

from crosstune.core.errors import shown
from crosstune.data.boxes.form import (
    OBJECTS,
    OBJECTS_TYPE,
    BadObject,
    Size,
    an_object,
    numbers_of,
    to_pixels,
    whole,
)
from crosstune.data.cells import printable
from crosstune.data.gate.finding import MOST_ITEMS, WARNING, Finding
from crosstune.data.images import FORMATS, upright_size
from crosstune.data.layout import IMAGE_SUFFIXES, is_hidden, suffix_of
from crosstune.data.places import BOXES, Form, Places
from crosstune.data.problems import described
from crosstune.data.readers.base import RawData
from crosstune.data.store import IMAGE_TYPE, ORIGIN, PROBLEM, make

IMAGE, WIDTH, HEIGHT = "image", "width", "height"
"""Columns; the last two hold the size that the labels declare, where they do."""


_LARGEST = 2**31


@dataclass
class Row:
    """One picture and its objects."""

    path: str | None
    """Absolute; ``None`` where labels name no picture that is there."""
    origin: str
    objects: list[dict[str, Any]] = field(default_factory=list)
    declared: tuple[int, int] | None = None
    """Width and height, as the labels have them."""
    problem: str | None = None
    """``code|reason``, where the row cannot be used."""
    faults: int = 0

    def add(
        self, values: Sequence[object], label: str, place: str, form: Form, size: Size = (1, 1), **more: bool
    ) -> None:
        """Add an object whose numbers are in a form; raises ``BadObject``."""
        box = to_pixels(np.array([numbers_of(values, place)]), form, size)[0]
        self.objects.append(an_object(box.tolist(), label, place, **more))

    @property
    def said(self) -> str | None:
        """Give the problem, and how many more objects cannot be read."""
        more = f" (and {self.faults - 1} more)" if self.faults > 1 else ""
        return None if self.problem is None else f"{self.problem}{more}"

    def fault(self, wrong: BadObject) -> None:
        """Note an object that cannot be read; the first one names the problem of the row."""
        self.faults += 1
        self.problem = self.problem or described(wrong.code, whole(wrong.reason))


def table_of(rows: Sequence[Row], extra: Mapping[str, Sequence[Any]] | None = None) -> Dataset:
    """Make the table of one split: picture, objects, origin, problem, and declared sizes where there are any.

    Args:
        rows: in their order.
        extra: further columns by name.
    """
    cells = [None if row.path is None else {"bytes": None, "path": printable(row.path)} for row in rows]
    columns: dict[str, Any] = {
        IMAGE: pa.array(cells, IMAGE_TYPE),
        OBJECTS: pa.array([row.objects for row in rows], OBJECTS_TYPE),
        **(extra or {}),
        ORIGIN: pa.array([printable(row.origin) for row in rows], pa.string()),
        PROBLEM: pa.array([row.said for row in rows], pa.string()),
    }
    if any(row.declared for row in rows):
        for place, name in enumerate((WIDTH, HEIGHT)):
            sides = [row.declared[place] if row.declared else None for row in rows]
            columns[name] = pa.array(sides, pa.int64())
    return make(pa.table(columns))


def raw_boxes(
    source: str,
    splits: Mapping[str, Sequence[Row]],
    form: Form,
    *,
    declared: Sequence[str] = (),
    remarks: Iterable[Finding] = (),
    notes: Sequence[str] = (),
) -> RawData:
    """Make what a reader of boxes gives."""
    return RawData(
        source=source,
        splits={split: table_of(rows) for split, rows in splits.items()},
        inputs=(IMAGE,),
        target=OBJECTS,
        modality="image",
        declared={OBJECTS: tuple(declared)},
        notes=tuple(notes),
        places=Places(kind=BOXES, form=form, remarks=tuple(remarks)),
    )


def unlisted(paths: Iterable[str | None], root: Path) -> list[Finding]:
    """Warn of pictures that lie beside labelled ones, and that no label file knows.

    They are left out: whether they show nothing, or were forgotten, cannot be seen from outside.

    Args:
        paths: of the pictures of all splits.
        root: what the names that are shown are relative to.
    """
    listed = {_absolute(path) for path in paths if path}
    found = [
        path
        for folder in sorted({Path(path).parent for path in listed})
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if suffix_of(path.name) in IMAGE_SUFFIXES and not is_hidden(path.name) and str(path) not in listed
    ]
    if not found:
        return []
    items = tuple(below(path, root) for path in found[:MOST_ITEMS])
    return [
        Finding(
            severity=WARNING,
            code="unlisted-pictures",
            sentence=f"{len(found):,} pictures are in no label file, and left out: {shown(items, most=5)}",
            fix="list those that show no object as pictures without objects; label or remove the others",
            items=items,
        )
    ]


def below(path: str | Path, root: Path) -> str:
    """Write a path relative to the folder of the data, or as it is where it lies elsewhere."""
    return printable(_absolute(path).removeprefix(f"{_absolute(root)}{os.sep}").replace(os.sep, "/"))


def _absolute(path: str | Path) -> str:
    # Links stay as they are: a set may be made of links into another one.
    return os.path.normpath(Path(path).absolute())


def known_size(width: object, height: object) -> tuple[int, int] | None:
    """Give a declared size where it is one: whole numbers above zero, as pictures can have them."""
    if isinstance(width, int) and isinstance(height, int) and 0 < width < _LARGEST and 0 < height < _LARGEST:
        return width, height
    return None


def there(path: Path) -> bool:
    """Say whether there is a file or a folder; a name that no disk can have is that of none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def size_of(path: str) -> Size | None:
    """Read width and height of an upright picture from its header; ``None`` where that cannot be done.

    The check names such a picture when it decodes it.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            return upright_size(image)
    except Exception:  # noqa: BLE001 - Pillow raises whatever broken files make it raise; the check names them
        return None
