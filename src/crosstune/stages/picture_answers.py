"""Which files and pictures are made of answers that are about places in pictures: masks, or boxes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from crosstune.core.errors import DoesNotApply, UnknownName
from crosstune.data.items import SplitItems
from crosstune.stages import box_pictures, mask_pictures
from crosstune.stages.box_files import FORMS, Found
from crosstune.tasks.base import Row
from crosstune.tasks.structured import WithBoxes, WithMasks

MASK_SIDE, BOX_SIDE = 160, 240
"""Longest side of each part of a picture on the page, in pixels."""


def require_forms(task: object, also: Sequence[str], out: Path | None) -> None:
    """Refuse forms that cannot be written.

    Raises:
        UnknownName: there is no such form.
        DoesNotApply: the model finds no boxes, or there is no file to write beside.
    """
    for one in also:
        if one not in FORMS:
            raise UnknownName("form of boxes", one, tuple(FORMS))
    if also and not isinstance(task, WithBoxes):
        raise DoesNotApply(
            "only boxes are written in further forms",
            found=f"also={', '.join(also)} for a model of {getattr(task, 'name', 'another task')}",
            expected="a model of object-detection",
            fix="leave `--also` out",
        )
    if also and out is None:
        raise DoesNotApply(
            "further forms are written beside the file of the rows",
            found=f"also={', '.join(also)} without `--out`",
            expected="a file, such as `--out rows.csv`",
            fix="name one; rows-coco.json, rows-labels or rows-pictures stand beside it then",
        )


def write_beside(
    task: object,
    items: SplitItems,
    outputs: NDArray[Any],
    rows: list[Row],
    *,
    out: Path,
    also: Sequence[str] = (),
    origins: Sequence[str],
    numbers: Sequence[int],
) -> list[Row]:
    """Write what belongs to the rows of N pictures beside the file of the rows.

    Args:
        task: masks are always written, boxes in the forms that are asked for.
        items: the N pictures.
        outputs: their answers, ``(N,)``.
        rows: what ``decode`` made of them.
        out: the file of the rows.
        also: names of forms.
        origins: of each picture, its file.
        numbers: of each picture, its row in the table.

    Returns:
        The rows; where masks are written, each names its file.
    """
    if isinstance(task, WithMasks):
        folder = out.with_name(f"{out.stem}-masks")
        paths = [str(folder / f"{place:06d}-{Path(origin).stem}.png") for place, origin in enumerate(origins)]
        mask_pictures.write_masks(task.masks(outputs), paths, getattr(task, "classes", ()))
        return [{**row, "mask": path} for row, path in zip(rows, paths, strict=True)]
    if isinstance(task, WithBoxes) and also:
        found = Found(
            items=items, origins=origins, numbers=numbers, every=task.boxes(outputs, 0.0),
            shown=task.boxes(outputs), classes=task.classes,
        )  # fmt: skip
        for one in also:
            FORMS[one](found, out)
    return rows


def compared(
    task: object, pictures: Sequence[Image.Image], truth: NDArray[Any], answers: NDArray[Any]
) -> list[str | None]:
    """Set the truth of each picture beside its answer, as ``data:`` addresses; ``None`` for other tasks."""
    if isinstance(task, WithMasks):
        both = zip(task.masks(truth), task.masks(answers), strict=True)
        classes = getattr(task, "classes", ())
        return [
            mask_pictures.beside(picture, pair, classes, MASK_SIDE)
            for picture, pair in zip(pictures, both, strict=True)
        ]
    if isinstance(task, WithBoxes):
        return [
            box_pictures.beside(picture, there, found, task.classes, BOX_SIDE)
            for picture, there, found in zip(
                pictures, task.boxes(truth, 0.0), task.boxes(answers), strict=True
            )
        ]
    return [None] * len(pictures)
