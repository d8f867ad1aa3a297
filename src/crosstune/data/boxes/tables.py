"""Tables with a box in each row, as CSV files have them: brought to one row for each picture."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.boxes.form import OBJECTS, UNREADABLE, BadObject, Size, numbers_of
from crosstune.data.boxes.rows import HEIGHT, IMAGE, WIDTH, Row, known_size, size_of, table_of
from crosstune.data.columns import column_names, kind_of, leading
from crosstune.data.errors import WrongTask
from crosstune.data.places import BOXES, CXCYWH, DETECTION, XYWH, XYXY, Form, Places
from crosstune.data.readers.base import RawData
from crosstune.data.store import ORIGIN, PROBLEM, values

COLUMNS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    (XYXY, ("xmin", "ymin", "xmax", "ymax")),
    (XYXY, ("x_min", "y_min", "x_max", "y_max")),
    (XYXY, ("x1", "y1", "x2", "y2")),
    (XYXY, ("left", "top", "right", "bottom")),
    (CXCYWH, ("x_center", "y_center", "width", "height")),
    (CXCYWH, ("cx", "cy", "w", "h")),
    (CXCYWH, ("xc", "yc", "w", "h")),
    (XYWH, ("x", "y", "width", "height")),
    (XYWH, ("x", "y", "w", "h")),
    (XYWH, ("left", "top", "width", "height")),
    (XYWH, ("bbox_x", "bbox_y", "bbox_width", "bbox_height")),
)
"""Names of columns, in small letters, and the form that they declare; the first that are all there count."""

CLASSES = ("label", "class", "class_name", "category", "category_name", "name", "label_name")
"""Names of the column of classes."""


def as_boxes(raw: RawData, *, task: str | None, target: str | None, need: bool) -> RawData:
    """Bring tables with a box in each row to one row for each picture; any other table stays as it is.

    Rows with a picture and neither box nor class are pictures without objects. Numbers that are all in [0, 1]
    are shares of width and height. The first value of any other column is kept.

    Args:
        raw: as the reader found it.
        task: as the user names it; another one than object detection leaves tables alone.
        target: the column of classes, where the user names one; then boxes are only looked for where the
            task is named too.
        need: whether labels are wanted.

    Raises:
        WrongTask: the task is object detection, and the table has no columns of boxes.

    Cost: one pass; the table is in memory. Headers of pictures are read where boxes are shares.
    Checked by: ``tests/data/boxes/test_tables.py``.
    """
    asked = task == DETECTION
    if raw.places is not None or not need or raw.target is not None:
        return raw
    if not asked and (task is not None or target is not None):
        return raw
    found = _columns(raw, target)
    if found is None:
        if asked:
            raise _no_boxes(raw)
        return raw
    image, label, form, sides = found
    normalised = all(_shares(dataset, sides) for dataset in raw.splits.values())
    form = Form(form.corners, normalised=normalised)
    splits = {}
    for name, dataset in raw.splits.items():
        splits[name] = _grouped(dataset, image, label, form, sides, raw, name)
    names = raw.declared.get(label, ())
    note = f"read as boxes: {shown(sides)} are {form.words}, the class is in `{label}`"
    return replace(
        raw,
        splits=splits,
        folders={},
        inputs=(IMAGE,),
        target=OBJECTS,
        modality="image",
        typed=True,
        declared={OBJECTS: tuple(names)},
        notes=(*raw.notes, note),
        places=Places(kind=BOXES, form=form, column=label),
    )


def _columns(raw: RawData, target: str | None) -> tuple[str, str, Form, tuple[str, ...]] | None:
    dataset = leading(raw)
    lowered = {name.lower(): name for name in column_names(dataset)}
    corners, sides = next(
        ((corners, names) for corners, names in COLUMNS if all(name in lowered for name in names)), ("", ())
    )
    label = target or next((lowered[name] for name in CLASSES if name in lowered), None)
    taken = {label, *(lowered[name] for name in sides)}
    kinds = {name: dataset.data.schema.field(name).type for name in lowered.values()}
    images = [
        name
        for name, kind in kinds.items()
        if name not in taken
        and (pa.types.is_string(kind) or pa.types.is_large_string(kind))
        and kind_of(dataset, name) == "image"
    ]
    if not sides or label is None or len(images) != 1:
        return None
    return images[0], label, Form(corners), tuple(lowered[name] for name in sides)


def _no_boxes(raw: RawData) -> WrongTask:
    return WrongTask(
        f"`{raw.source}` has no boxes that can be read",
        found=f"the columns {shown(column_names(leading(raw)), most=40)}",
        expected="a column of pictures, one of classes (`label`, `class`), and xmin, ymin, xmax, ymax "
        "(or x, y, width, height; or cx, cy, w, h)",
        fix="rename the columns so; the column of classes may be named with --target",
    )


def _numbers(dataset: Dataset, sides: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(values(dataset, side) for side in sides), strict=True))


def _shares(dataset: Dataset, sides: Sequence[str]) -> bool:
    """Say whether all numbers are in [0, 1]: in pixels, every box would be within the first one."""
    found = []
    for row in _numbers(dataset, sides):
        if any(value not in (None, "") for value in row):
            try:
                found += numbers_of(row, "")
            except BadObject:
                continue
    return bool(found) and all(0 <= number <= 1 for number in found)


def _grouped(
    dataset: Dataset, image: str, label: str, form: Form, sides: tuple[str, ...], raw: RawData, split: str
) -> Dataset:
    from pathlib import Path

    base = (raw.folders.get(split) or Path.cwd()).absolute()
    size_columns = _size_columns(dataset, sides)
    broken = values(dataset, PROBLEM) if PROBLEM in dataset.column_names else [None] * len(dataset)
    rows: dict[str, Row] = {}
    first: list[int] = []
    sizes: dict[str, Size] = {}
    columns = [values(dataset, name) for name in (image, label, ORIGIN)]
    numbers, declared = _numbers(dataset, sides), _numbers(dataset, size_columns)
    for at, (path, name, origin) in enumerate(zip(*columns, strict=True)):
        key = str(path or "")
        if key not in rows:
            first.append(at)
            full = str(base / key) if key else None
            rows[key] = Row(full, key or origin, declared=_declared(declared[at]) if size_columns else None)
            if form.normalised and full:
                sizes[key] = size_of(full) or (1, 1)
        row = rows[key]
        row.problem = row.problem or broken[at]
        if all(value in (None, "") for value in (*numbers[at], name)):
            continue
        try:
            if name in (None, ""):
                raise BadObject(UNREADABLE, f"{origin}: a box without a class")
            row.add(numbers[at], str(name), origin, form, sizes.get(key, (1, 1)))
        except BadObject as wrong:
            row.fault(wrong)
    return table_of(list(rows.values()), _kept(dataset, first, {image, label, *sides, *size_columns}))


def _size_columns(dataset: Dataset, sides: Sequence[str]) -> tuple[str, ...]:
    lowered = {name.lower(): name for name in column_names(dataset) if name not in sides}
    return (lowered[WIDTH], lowered[HEIGHT]) if {WIDTH, HEIGHT} <= lowered.keys() else ()


def _declared(cells: Sequence[object]) -> tuple[int, int] | None:
    try:
        width, height = (int(float(str(cell))) for cell in cells)
    except (ValueError, OverflowError):
        return None
    return known_size(width, height)


def _kept(dataset: Dataset, first: Sequence[int], used: set[str]) -> Mapping[str, Any]:
    """Give the first value of every other column, such as `split` or a group."""
    others = [name for name in column_names(dataset) if name not in used | {IMAGE, OBJECTS, WIDTH, HEIGHT}]
    part = dataset.select(list(first)).with_format("arrow")[:] if others and first else None
    return {name: part.column(name) if part is not None else pa.array([], pa.null()) for name in others}
