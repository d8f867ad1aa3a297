"""COCO JSON read for segmentation: its polygons and run lengths as one mask for each picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.boxes.form import OUTSIDE_MAP, BadObject, whole
from crosstune.data.boxes.rows import IMAGE, Row, size_of, unlisted
from crosstune.data.cells import printable
from crosstune.data.errors import UnusableColumn
from crosstune.data.images import PIXEL_CAP
from crosstune.data.masks.classes import IGNORE, MaskClasses
from crosstune.data.masks.shapes import laid_over, shape_mask
from crosstune.data.places import MASKS, Places
from crosstune.data.problems import described
from crosstune.data.readers.base import RawData
from crosstune.data.readers.coco import CocoFile, CocoFiles, declared_names, opened
from crosstune.data.readers.mask_folders import MASK
from crosstune.data.store import IMAGE_TYPE, ORIGIN, PROBLEM, make

BACKGROUND = "background"
"""The class of pixels that no annotation covers; its value is 0."""


class CocoMasks:
    """The files that ``CocoFiles`` reads, where the user asks for segmentation."""

    name = "COCO files with polygons"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """Whatever is a set of COCO files."""
        return CocoFiles().claims(data)

    def read(self, data: Path) -> RawData:
        """Rasterise the shapes of every picture; crowds become ignored pixels."""
        found, root = opened(data)
        names = declared_names([one.categories for one in found.values()], data)
        values = {name: value for value, name in enumerate([name for name in names if name != BACKGROUND], 1)}
        values[BACKGROUND] = 0
        if len(values) > IGNORE:
            raise UnusableColumn(
                f"the COCO files of `{data}` have too many categories for masks",
                found=f"{len(values) - 1} categories",
                expected=f"at most {IGNORE - 1}",
                fix="export masks as PNG files instead",
            )
        splits = {split: _table(one, values) for split, one in found.items()}
        rows = [row for one in found.values() for row in one.images.values()]
        paths = [
            str(one.folder / whole(row["file_name"])) for one in found.values() for row in one.images.values()
        ]
        remarks = [remark for one in found.values() for remark in one.remarks()]
        named = {value: name for name, value in values.items()}
        return RawData(
            source=str(data),
            splits=splits,
            inputs=(IMAGE,),
            target=MASK,
            modality="image",
            declared={MASK: tuple(named[value] for value in sorted(named))},
            notes=(f"made {len(rows):,} masks of COCO's shapes; pixels outside all are `{BACKGROUND}`",),
            places=Places(
                kind=MASKS,
                classes=MaskClasses(names=named, source="the list of categories"),
                remarks=(*remarks, *unlisted(paths, root)),
            ),
        )


def _table(one: CocoFile, values: Mapping[str, int]) -> Dataset:
    rows = {number: one.row(image) for number, image in one.images.items()}
    sizes = {number: _size(row) for number, row in rows.items()}
    for number, (width, height) in sizes.items():
        if width * height > PIXEL_CAP:  # as declared: nothing of that size is made
            said = f"{width} x {height} pixels, as {one.path.name} says"
            rows[number].problem = described("image-too-large", said)
            sizes[number] = (1, 1)
    shapes: dict[Any, list[tuple[Any, int]]] = {number: [] for number in rows}
    for place, annotation in enumerate(one.annotations):
        number = one.picture_of(annotation)
        if number not in rows or rows[number].problem:
            continue
        where = one.where(annotation, place)
        try:
            value = _value(one, annotation, values, where)
            shapes[number].append((shape_mask(annotation.get("segmentation"), sizes[number], where), value))
        except BadObject as wrong:
            rows[number].fault(wrong)
    cells = [{"bytes": laid_over(shapes[number], sizes[number]), "path": None} for number in rows]
    pictures = [{"bytes": None, "path": printable(str(row.path))} for row in rows.values()]
    return make(
        pa.table(
            {
                IMAGE: pa.array(pictures, IMAGE_TYPE),
                MASK: pa.array(cells, IMAGE_TYPE),
                ORIGIN: pa.array([row.origin for row in rows.values()], pa.string()),
                PROBLEM: pa.array([row.said for row in rows.values()], pa.string()),
            }
        )
    )


def _size(row: Row) -> tuple[int, int]:
    width, height = row.declared or size_of(row.path or "") or (1, 1)
    return int(width), int(height)


def _value(one: CocoFile, annotation: Mapping[str, Any], values: Mapping[str, int], where: str) -> int:
    number = annotation.get("category_id")
    name = one.categories.get(number) if isinstance(number, int) else None
    if name is None:
        known = shown(sorted(one.categories), most=8)
        raise BadObject(OUTSIDE_MAP, f"{where}: category {number}, but the categories are {known}")
    return IGNORE if annotation.get("iscrowd") else values[name]
