"""Boxes beside the rows of ``predict``: a COCO file, YOLO's text files, drawn pictures."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosstune.core.files import replacing, write_json, write_text
from crosstune.core.version import VERSION
from crosstune.data.items import SplitItems
from crosstune.stages.box_pictures import with_boxes
from crosstune.tasks.box_rows import BoxRows

CLASSES = "classes"
"""YOLO's list of class names stands beside the labels under this name."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found in the pictures that could be read."""

    items: SplitItems
    origins: Sequence[str]
    """The files of the pictures."""
    numbers: Sequence[int]
    """Of each picture, which row of the table it is; from 0."""
    every: Sequence[BoxRows]
    """All boxes of each picture, at most 100, those that are hardly sure as well."""
    shown: Sequence[BoxRows]
    """Those of the rows."""
    classes: Sequence[str]


def write_coco(found: Found, out: Path) -> None:
    """Write ``NAME-coco.json``: a whole COCO file whose annotations have scores.

    It holds all boxes, not only those of the rows, since average precision asks for the improbable ones too:
    its list ``annotations`` is what ``COCO.loadRes`` takes. ``image_id`` is the row of the table, from 0.
    """
    images, rows = [], list[dict[str, Any]]()
    for number, origin, boxes in zip(found.numbers, found.origins, found.every, strict=True):
        width, height = boxes.size
        images.append({"id": number, "file_name": origin, "width": round(width), "height": round(height)})
        for box, kind, score in zip(boxes.boxes.tolist(), boxes.classes.tolist(), boxes.values, strict=True):
            left, top, right, bottom = box
            sides = [left, top, right - left, bottom - top]
            rows.append({
                "id": len(rows) + 1, "image_id": number, "category_id": kind + 1, "bbox": sides,
                "area": sides[2] * sides[3], "iscrowd": 0, "score": float(score),
            })  # fmt: skip
    categories = [{"id": place + 1, "name": name} for place, name in enumerate(found.classes)]
    info = {"description": f"found by crosstune {VERSION}"}
    whole = {"info": info, "images": images, "categories": categories, "annotations": rows}
    write_json(out.with_name(f"{out.stem}-coco.json"), whole)


def write_yolo(found: Found, out: Path) -> None:
    """Write ``NAME-labels/STEM.txt``: in each line class, middle, width and height in shares, and the score.

    A picture without boxes has an empty file; ``classes.txt`` names the classes, one in each line.
    """
    folder = out.with_name(f"{out.stem}-labels")
    write_text(folder / f"{CLASSES}.txt", "".join(f"{name}\n" for name in found.classes))
    for stem, boxes in zip(stems(found), found.shown, strict=True):
        lines = []
        for box, kind, score in zip(boxes.boxes, boxes.classes.tolist(), boxes.values.tolist(), strict=True):
            middle, sides = (box[:2] + box[2:]) / 2 / boxes.size, (box[2:] - box[:2]) / boxes.size
            shares = " ".join(f"{share:.6f}" for share in (*middle, *sides))
            lines.append(f"{kind} {shares} {score:.6f}\n")
        write_text(folder / f"{stem}.txt", "".join(lines))


def write_pictures(found: Found, out: Path) -> None:
    """Write ``NAME-pictures/STEM.png``: each picture with the boxes of its row drawn on."""
    folder = out.with_name(f"{out.stem}-pictures")
    for place, (stem, boxes) in enumerate(zip(stems(found), found.shown, strict=True)):
        (picture,) = found.items.batch([place])
        with replacing(folder / f"{stem}.png") as temporary:
            with_boxes(picture, boxes, found.classes, scores=True).save(temporary, "PNG")


FORMS: Mapping[str, Callable[[Found, Path], None]] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "pictures": write_pictures,
}
"""By the name that ``predict --also`` takes."""


def stems(found: Found) -> list[str]:
    """Name the files of each picture: as the picture itself is, behind its row where two have one name."""
    plain = [Path(origin).stem for origin in found.origins]
    often = Counter([CLASSES, *(one.casefold() for one in plain)])
    return [
        one if often[one.casefold()] == 1 else f"{number:06d}-{one}"
        for number, one in zip(found.numbers, plain, strict=True)
    ]
