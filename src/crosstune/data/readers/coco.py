"""COCO JSON: one file for each split, with pictures, annotations and categories."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crosstune.core.errors import shown
from crosstune.core.units import format_bytes
from crosstune.data.boxes.form import OUTSIDE_MAP, BadObject, whole
from crosstune.data.boxes.rows import Row, below, known_size, raw_boxes, there, unlisted
from crosstune.data.errors import UnknownLayout, UnreadableFile
from crosstune.data.gate.finding import MOST_ITEMS, WARNING, Finding
from crosstune.data.layout import WHOLE, is_hidden, split_name
from crosstune.data.places import XYWH, Form
from crosstune.data.readers.base import RawData

_HEAD = 4_000
_KEYS = re.compile(r'"(images|annotations|categories)"\s*:\s*\[\s*[{\]]')
_LARGEST = 2_000_000_000
"""Bytes of a file, which is in memory as a whole while it is read."""
_TRIED = 50
"""Names of pictures that are looked for in each folder that may hold them."""


class CocoFiles:
    """A COCO file, or a folder with one for each split: in itself, in ``annotations``, in ``train`` ..."""

    name = "COCO files"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """A ``.json`` file that begins as an object with COCO's lists, or a folder with such a file."""
        if not isinstance(data, Path):
            return False
        return is_coco(data) if data.is_file() else data.is_dir() and bool(coco_files(data))

    def read(self, data: Path) -> RawData:
        """Read every file as the split that its name, or its folder, names."""
        found, root = opened(data)
        names = declared_names([one.categories for one in found.values()], data)
        rows = {split: one.rows() for split, one in found.items()}
        remarks = [remark for one in found.values() for remark in one.remarks()]
        paths = [row.path for split in rows.values() for row in split]
        return raw_boxes(
            str(data),
            rows,
            Form(XYWH),
            declared=names,
            remarks=[*remarks, *unlisted(paths, root)],
        )


def opened(data: Path) -> tuple[dict[str, "CocoFile"], Path]:
    """Read the files by split; also gives the folder that names are relative to."""
    root = data.parent if data.is_file() else data
    files = {WHOLE: data} if data.is_file() else named_files(data)
    return {split: CocoFile(path, root, split) for split, path in files.items()}, root


def is_coco(path: Path) -> bool:
    """Say whether a file begins as COCO JSON does; opens it."""
    if path.suffix.lower() != ".json" or is_hidden(path.name):
        return False
    with path.open(encoding="utf-8", errors="replace") as handle:
        head = handle.read(_HEAD).removeprefix("\ufeff").lstrip()
    return head.startswith("{") and bool(_KEYS.search(head))


def coco_files(folder: Path) -> list[Path]:
    """Find the COCO files of a folder, of ``annotations`` in it, and of folders named as splits."""
    below_it = [path for path in sorted(folder.iterdir()) if path.is_dir() and not is_hidden(path.name)]
    places = [path for path in below_it if path.name.lower() == "annotations" or split_name(path.name)]
    found = [path for place in (folder, *places) for path in sorted(place.glob("*.json")) if is_coco(path)]
    instances = [path for path in found if path.name.startswith("instances")]
    return instances or found


def named_files(folder: Path) -> dict[str, Path]:
    """Say which file is which split; raises ``UnknownLayout`` where that is not clear."""
    found = coco_files(folder)
    if len(found) == 1 and _split_of(found[0], folder) is None:
        return {WHOLE: found[0]}
    result: dict[str, Path] = {}
    for path in found:
        split = _split_of(path, folder)
        if split is None or split in result:
            raise UnknownLayout(
                f"which COCO file of `{folder}` is which split cannot be told",
                found=shown(below(path, folder) for path in found),
                expected="one file for each split, named as instances_train.json, instances_val.json",
                fix="rename the files, or name one of them instead of the folder",
            )
        result[split] = path
    return result


def _split_of(path: Path, root: Path) -> str | None:
    words = [*re.split("[^A-Za-z]+", path.stem), *([path.parent.name] if path.parent != root else [])]
    return next((name for word in words if (name := split_name(word))), None)


def declared_names(categories: Sequence[Mapping[int, str]], data: Path) -> list[str]:
    """Return the class names in the order of their ids; raises ``UnreadableFile`` where files disagree."""
    names: dict[int, str] = {}
    for found in categories:
        for number, name in found.items():
            if names.setdefault(number, name) != name:
                raise UnreadableFile(
                    f"the COCO files of `{data}` have different names for one category",
                    found=f"category {number} is `{names[number]}` in one and `{name}` in another",
                    expected="one list of categories",
                    fix="write all files with the same categories",
                )
    return list(dict.fromkeys(names[number] for number in sorted(names)))


class CocoFile:
    """One file, read: pictures by id, annotations, names by id of category, and the folder of pictures."""

    def __init__(self, path: Path, root: Path, split: str) -> None:
        self.path, self.root = path, root
        content = _content(path)
        self.images: dict[Any, dict[str, Any]] = _by_id(content["images"], path)
        self.annotations: list[dict[str, Any]] = content["annotations"]
        self.categories = {int(row["id"]): whole(row["name"]) for row in content["categories"]}
        self.folder = picture_folder(path, split, [whole(row["file_name"]) for row in self.images.values()])

    def rows(self) -> list[Row]:
        """Make a row of every picture, with or without annotations."""
        found = {number: self.row(image) for number, image in self.images.items()}
        for place, one in enumerate(self.annotations):
            row = found.get(self.picture_of(one))
            if row is None:
                continue
            try:
                self._add(row, one, self.where(one, place))
            except BadObject as wrong:
                row.fault(wrong)
        return list(found.values())

    def row(self, image: Mapping[str, Any]) -> Row:
        """Make the row of a picture, without objects."""
        path = self.folder / whole(image["file_name"])
        size = known_size(image.get("width"), image.get("height"))
        return Row(str(path.absolute()), below(path, self.root), declared=size)

    def _add(self, row: Row, one: Mapping[str, Any], where: str) -> None:
        number = one.get("category_id")
        name = self.categories.get(number) if isinstance(number, int) else None
        if name is None:
            known = f"categories are {shown(sorted(self.categories), most=8)}"
            raise BadObject(OUTSIDE_MAP, f"{where}: category {number}, but the {known}")
        values = one.get("bbox")
        row.add(
            values if isinstance(values, list) else [],
            name,
            where,
            Form(XYWH),
            ignore=bool(one.get("iscrowd")),
        )

    def picture_of(self, one: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a key of ``images``, or none
        """Give the id of an annotation's picture; ``None`` for what is no id."""
        number = one.get("image_id")
        return number if isinstance(number, int | str) else None

    def where(self, one: Mapping[str, Any], place: int) -> str:
        """Say which annotation it is, by its id, or by its place in the list."""
        return f"{self.path.name}: annotation {str(one.get('id', f'number {place + 1}'))[:40]}"

    def remarks(self) -> list[Finding]:
        """Name annotations of pictures that the file does not have."""
        lost = [
            whole(f"{self.path.name}: annotation {one.get('id')} (image_id {one.get('image_id')})")[:200]
            for one in self.annotations
            if self.picture_of(one) not in self.images
        ]
        if not lost:
            return []
        return [
            Finding(
                severity=WARNING,
                code="annotations-without-picture",
                sentence=f"{len(lost):,} annotations belong to no picture of their file: "
                f"{shown(lost, most=3)}",
                fix="add the pictures to the list, or remove the annotations",
                items=tuple(lost[:MOST_ITEMS]),
            )
        ]


def _content(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > _LARGEST:
        raise _unreadable(path, f"{format_bytes(size)}", f"at most {format_bytes(_LARGEST)}")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)[:200], "JSON in UTF-8") from None
    fields = {"images": ("id", "file_name"), "annotations": (), "categories": ("id", "name")}
    for name, needed in fields.items():
        rows = content.get(name)
        if not isinstance(rows, list):
            keys = shown(content)
            raise _unreadable(path, whole(f"no list `{name}`, but {keys}"), "images, annotations, categories")
        for place, row in enumerate(rows):
            if not isinstance(row, dict) or any(not isinstance(row.get(key), int | str) for key in needed):
                raise _unreadable(
                    path,
                    f"`{name}[{place}]` is {json.dumps(row)[:80]}",
                    f"an object{' with ' if needed else ''}{' and '.join(needed)}",
                )
    for row in content["categories"]:
        if not re.fullmatch(r"-?\d{1,18}", str(row["id"])):
            raise _unreadable(path, f"the category id `{row['id']}`", "whole numbers as ids of categories")
    return dict(content)


def _unreadable(path: Path, found: str, expected: str) -> UnreadableFile:
    return UnreadableFile(
        f"`{path.name}` cannot be read as COCO JSON",
        found=found,
        expected=expected,
        fix="correct the file, or export it again; docs/guides/labels-in-pictures.md shows one",
    )


def _by_id(rows: Sequence[dict[str, Any]], path: Path) -> dict[Any, dict[str, Any]]:
    twice = [number for number, count in Counter(row["id"] for row in rows).items() if count > 1]
    if twice:
        raise _unreadable(path, f"more than one picture with the id {shown(twice, most=3)}", "each id once")
    return {row["id"]: row for row in rows}


def picture_folder(file: Path, split: str, names: Sequence[str]) -> Path:
    """Find where the pictures of a label file lie: beside it, or in a folder there or one level up.

    The folder with most of the first names wins; of equal ones that which is named as the split.
    """
    tried = names[:: max(1, len(names) // _TRIED)][:_TRIED]
    tops = [file.parent, file.parent.parent]
    inner = [path for top in tops for path in _folders(top)]
    inner += [path for folder in inner if folder.name.lower() == "images" for path in _folders(folder)]
    own = [path for path in inner if split in map(split_name, re.split("[^A-Za-z]+", path.name))]
    folders = list(dict.fromkeys([*own, *tops, *inner]))
    counts = [sum(there(folder / name) for name in tried) for folder in folders]
    return folders[counts.index(max(counts))] if any(counts) else file.parent


def _folders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not is_hidden(path.name)]
