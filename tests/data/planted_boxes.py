"""Good sets of pictures with boxes, and the same with planted label faults, which must be found."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.data.boxing import NAMES, Labels, Object, coco_content, yolo_lines
from tests.data.making import encoded, write
from tests.data.planted import Planted, scene

SIDE = 48


def objects(seed: int) -> list[Object]:
    """Give one to three boxes that lie well inside and apart from each other."""
    draw = np.random.default_rng(seed)
    found: list[Object] = []
    for place in range(int(draw.integers(1, 4))):
        left, top = (float(side) for side in draw.integers(1, 6, 2))
        width, height = (float(side) for side in draw.integers(8, 14, 2))
        left += 16.0 * place
        found.append(((left, top, left + width - 2, top + height), NAMES[int(draw.integers(3))]))
    return found


def boxed(root: Path, split: str, count: int, start: int) -> Labels:
    """Write pictures of a split and give their labels; every tenth shows nothing."""
    labels = {
        f"{number:03d}.png": objects(number) if number % 10 else [] for number in range(start, start + count)
    }
    for number, name in enumerate(labels, start=start):
        write(root / split / name, encoded(scene(number, SIDE)))
    return labels


def coco_set(root: Path) -> dict[str, dict[str, Any]]:
    """Write a clean set with COCO files; gives what they hold."""
    contents = {}
    for split, count, start in (("train", 120, 0), ("val", 30, 500)):
        contents[split] = coco_content(boxed(root, split, count, start), (SIDE, SIDE))
        save(root, split, contents[split])
    return contents


def save(root: Path, split: str, content: dict[str, Any]) -> None:
    write(root / "annotations" / f"instances_{split}.json", json.dumps(content))


def plant_coco(root: Path) -> Planted:
    """Plant fifteen label faults of thirteen kinds in COCO files."""
    contents = coco_set(root)
    planted, train, val = Planted(root), contents["train"], contents["val"]
    own: dict[int, list[dict[str, Any]]] = {}
    for one in train["annotations"]:
        own.setdefault(one["image_id"], []).append(one)
    several = [image for image, rows in own.items() if len(rows) > 1]
    single = [image for image, rows in own.items() if len(rows) == 1]

    def bad(image: int, code: str) -> list[dict[str, Any]]:
        planted.bad[f"train/{train['images'][image - 1]['file_name']}"] = code
        return own[image]

    bad(single[0], "box-outside-picture")[0]["bbox"] = [40, 5, 30, 10]
    bad(single[1], "box-without-area")[0]["bbox"] = [10, 5, 0, 10]
    bad(single[2], "box-without-area")[0]["bbox"] = [40, 40, -30, -20]
    for row, corners in zip(
        bad(several[0], "wrong-box-form"), ([20, 20, 40, 40], [25, 2, 47, 30]), strict=False
    ):
        row["bbox"] = corners
    for row in own[several[0]][2:]:
        row["bbox"] = [30, 30, 45, 45]
    bad(single[3], "wrong-box-form")[0]["bbox"] = [0.25, 0.25, 0.5, 0.5]
    bad(single[4], "class-id-outside-map")[0]["category_id"] = 9
    bad(single[5], "unreadable-box")[0]["bbox"] = [3, 4, 5]
    bad(single[6], "unreadable-box")[0]["bbox"] = [3, 4, None, 5]
    bad(single[7], "picture-size-differs")
    train["images"][single[7] - 1].update(width=640, height=480)
    missing = bad(single[8], "missing-file")[0]["image_id"]
    (root / "train" / train["images"][missing - 1]["file_name"]).unlink()
    again, other = own[several[1]][0], own[several[2]][0]
    number = len(train["annotations"])
    twin = {**again, "id": number + 1}
    rival = {**other, "id": number + 2, "category_id": other["category_id"] % 3 + 1}
    lost = {**again, "id": number + 3, "image_id": 999}
    train["annotations"] += [twin, rival, lost]
    file = "instances_train.json"
    planted.items["duplicate-boxes"] = {f"{file}: annotation {again['id']} = {file}: annotation {twin['id']}"}
    names = f"({NAMES[other['category_id'] - 1]}, {NAMES[rival['category_id'] - 1]})"
    pair = f"{file}: annotation {other['id']} = {file}: annotation {rival['id']}"
    planted.items["contradicting-boxes"] = {f"{pair} {names}"}
    planted.items["annotations-without-picture"] = {f"{file}: annotation {lost['id']} (image_id 999)"}
    small = own[several[3]][0]
    small["bbox"] = [*small["bbox"][:2], 1, 9]
    planted.items["tiny-boxes"] = {f"{file}: annotation {small['id']}"}
    write(root / "val" / "forgotten.png", encoded(scene(901, SIDE)))
    planted.items["unlisted-pictures"] = {"val/forgotten.png"}
    copy = next(row["file_name"] for row in val["images"])
    source = train["images"][several[5] - 1]["file_name"]
    write(root / "val" / copy, (root / "train" / source).read_bytes())
    planted.items["duplicates-across-splits"] = {f"train/{source} = val/{copy}"}
    val["annotations"] = [row for row in val["annotations"] if row["image_id"] != 1] + [
        {**row, "id": 10_000 + row["id"], "image_id": 1} for row in own[several[5]]
    ]
    for split in ("train", "val"):
        save(root, split, contents[split])
    return planted


def yolo_set(root: Path) -> None:
    """Write a clean set with YOLO files."""
    for split, count, start in (("train", 120, 0), ("val", 30, 500)):
        for name, found in boxed(root / "images", split, count, start).items():
            if found:
                text = yolo_lines(found, (SIDE, SIDE))
                write(root / "labels" / split / f"{name[:3]}.txt", text)
    write(root / "data.yaml", f"train: images/train\nval: images/val\nnames: [{', '.join(NAMES)}]\n")


def plant_yolo(root: Path) -> Planted:
    """Plant eleven label faults of seven kinds in YOLO files."""
    yolo_set(root)
    planted = Planted(root)
    for name, text, code in (
        ("train/001", "3 0.5 0.5 0.2 0.2\n", "class-id-outside-map"),
        ("train/002", "0 24 24 10 10\n1 20 30 8 8\n", "wrong-box-form"),
        ("train/003", "0 0.9 0.5 0.4 0.2\n", "box-outside-picture"),
        ("train/004", "0 0.5 0.5 0.2 0\n", "box-without-area"),
        ("train/005", "0 0.5 0.5 0.2\n", "unreadable-box"),
        ("train/006", "0 0.5 0.5 0.2 0.3 0.87\n", "unreadable-box"),
        ("train/007", "cat 0.5 0.5 0.2 0.3\n", "unreadable-box"),
        ("val/501", "-1 0.5 0.5 0.2 0.3\n", "class-id-outside-map"),
        ("val/502", "1 0.5 nan 0.2 0.3\n", "unreadable-box"),
    ):
        write(root / "labels" / f"{name}.txt", text)
        planted.bad[f"images/{name}.png"] = code
    write(root / "labels" / "train" / "nobody.txt", "0 0.5 0.5 0.2 0.2\n")
    planted.bad["labels/train/nobody.txt"] = "missing-file"
    write(root / "labels" / "train" / "008.txt", "0 0.5 0.5 0.2 0.3\n" * 2)
    planted.items["duplicate-boxes"] = {"labels/train/008.txt:1 = labels/train/008.txt:2"}
    return planted
