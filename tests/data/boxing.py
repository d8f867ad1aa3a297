"""The same pictures and boxes in every layout, for the tests of their readers and of the check."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.data.making import encoded, picture, write

Object = tuple[tuple[float, float, float, float], str]
"""Left, top, right, bottom in pixels, and the class."""
Labels = Mapping[str, Sequence[Object]]
"""By name of a picture; none at all is a background."""

SIZE = (40, 30)
NAMES = ("cat", "dog", "owl")
LABELS: Labels = {
    "a.png": [((4, 6, 20, 26), "cat"), ((10, 3, 40, 15), "dog")],
    "b.png": [],
    "c.png": [((0, 0, 40, 30), "owl"), ((8, 8, 12.5, 20.25), "cat")],
}


def draw(folder: Path, labels: Labels, *, start: int = 0, size: tuple[int, int] = SIZE) -> None:
    """Write the pictures, each different."""
    for seed, name in enumerate(labels, start=start):
        write(folder / name, encoded(picture(seed, size=size)))


def coco_content(labels: Labels, size: tuple[int, int] = SIZE) -> dict[str, Any]:
    """Give what a COCO file holds."""
    annotations = []
    for image, objects in enumerate(labels.values(), start=1):
        for (left, top, right, bottom), name in objects:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": NAMES.index(name) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                }
            )
    images = [
        {"id": number, "file_name": name, "width": size[0], "height": size[1]}
        for number, name in enumerate(labels, start=1)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, start=1)]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories}


def coco(root: Path, labels: Labels = LABELS, split: str = "", start: int = 0) -> Path:
    """Write ``instances_SPLIT.json`` in ``annotations`` and the pictures in a folder of the split."""
    folder = root / (split or "images")
    draw(folder, labels, start=start)
    file = root / "annotations" / f"instances{'_' if split else ''}{split}.json"
    write(file, json.dumps(coco_content(labels)).encode())
    return root


def yolo_lines(objects: Sequence[Object], size: tuple[int, int] = SIZE) -> str:
    """Give the lines of one label file."""
    rows = []
    for (left, top, right, bottom), name in objects:
        shares = (
            (left + right) / 2 / size[0],
            (top + bottom) / 2 / size[1],
            (right - left) / size[0],
            (bottom - top) / size[1],
        )
        rows.append(" ".join([str(NAMES.index(name)), *map(str, shares)]))
    return "".join(f"{row}\n" for row in rows)


def yolo(root: Path, labels: Labels = LABELS, split: str = "train", start: int = 0) -> Path:
    """Write pictures and labels of a split, and add it to ``data.yaml``."""
    draw(root / "images" / split, labels, start=start)
    for name, objects in labels.items():
        if objects:
            file = root / "labels" / split / f"{Path(name).stem}.txt"
            write(file, yolo_lines(objects).encode())
    splits = sorted(path.name for path in (root / "images").iterdir())
    lines = [f"{one}: images/{one}" for one in splits] + [f"names: [{', '.join(NAMES)}]", f"nc: {len(NAMES)}"]
    write(root / "data.yaml", "\n".join(lines).encode())
    return root


def voc_text(name: str, objects: Sequence[Object], size: tuple[int, int] = SIZE) -> str:
    """Give one XML file."""
    rows = []
    for box, label in objects:
        sides = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        corners = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
        rows.append(f"<object><name>{label}</name><bndbox>{corners}</bndbox></object>")
    shape = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return f"<annotation><filename>{name}</filename>{shape}{''.join(rows)}</annotation>"


def voc(root: Path, labels: Labels = LABELS, start: int = 0) -> Path:
    """Write ``JPEGImages`` and ``Annotations``."""
    draw(root / "JPEGImages", labels, start=start)
    for name, objects in labels.items():
        write(root / "Annotations" / f"{Path(name).stem}.xml", voc_text(name, objects).encode())
    return root


def table(root: Path, labels: Labels = LABELS, split: str = "boxes", start: int = 0) -> Path:
    """Write a CSV file beside the pictures, with a row for each box and one for each background."""
    draw(root, labels, start=start)
    with (root / f"{split}.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["filename", "xmin", "ymin", "xmax", "ymax", "class"])
        for name, objects in labels.items():
            for box, label in objects:
                writer.writerow([name, *box, label])
            if not objects:
                writer.writerow([name, "", "", "", "", ""])
    return root
