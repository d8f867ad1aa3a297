"""Pascal VOC: one XML file for each picture, with its size and its objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from crosstune.data.boxes.form import UNREADABLE, BadObject
from crosstune.data.boxes.rows import Row, below, known_size, raw_boxes, there, unlisted
from crosstune.data.gate.finding import Finding
from crosstune.data.layout import IMAGE_SUFFIXES, WHOLE, is_hidden, split_name
from crosstune.data.places import Form
from crosstune.data.problems import BROKEN_ROW, described
from crosstune.data.readers.base import RawData
from crosstune.data.readers.plain_xml import BadXml, parse, text_of
from crosstune.data.threads import each_in_order

_PICTURES = ("JPEGImages", "images", "Images", ".")
"""Where pictures are looked for beside the folder of the XML files, after that folder itself."""
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_HEAD = 4_000


class VocFiles:
    """A folder with ``Annotations``, or with XML files beside the pictures; perhaps one for each split."""

    name = "Pascal VOC files"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """A folder with VOC files in it, in its ``Annotations``, or in folders that are named as splits."""
        return isinstance(data, Path) and data.is_dir() and bool(_places(data))

    def read(self, data: Path) -> RawData:
        """Read every XML file as one picture."""
        splits: dict[str, list[Row]] = {}
        listed = False
        for split, folder in _places(data).items():
            files = [path for path in sorted(folder.glob("*.xml")) if not is_hidden(path.name)]
            lists = _lists(folder.parent) if split == WHOLE else {}
            listed |= bool(lists)
            for name, stems in (lists or {split: frozenset(path.stem for path in files)}).items():
                chosen = [path for path in files if path.stem in stems]
                splits[name] = list(each_in_order(_Reader(data), chosen))
        remarks: list[Finding] = []
        if not listed:
            remarks = unlisted((row.path for rows in splits.values() for row in rows), data)
        return raw_boxes(str(data), splits, Form(), remarks=remarks)


def _places(data: Path) -> dict[str, Path]:
    """Find by split the folder that holds XML files."""
    whole = _xml_folder(data)
    if whole is not None:
        return {WHOLE: whole}
    found: dict[str, Path] = {}
    for folder in sorted(path for path in data.iterdir() if path.is_dir() and not is_hidden(path.name)):
        split = split_name(folder.name)
        place = _xml_folder(folder) if split else None
        if split and place and split not in found:
            found[split] = place
    return found


def _xml_folder(folder: Path) -> Path | None:
    for place in (folder / "Annotations", folder / "annotations", folder):
        if place.is_dir():
            first = next((path for path in sorted(place.glob("*.xml")) if not is_hidden(path.name)), None)
            if first is not None and _is_voc(first):
                return place
    return None


def _is_voc(path: Path) -> bool:
    with path.open("rb") as handle:
        return b"<annotation" in handle.read(_HEAD)


def _lists(root: Path) -> Mapping[str, frozenset[str]]:
    """Read ``ImageSets/Main/train.txt`` and the like: names of pictures by split."""
    folder = root / "ImageSets" / "Main"
    if not folder.is_dir():
        return {}
    found: dict[str, frozenset[str]] = {}
    for path in sorted(folder.glob("*.txt")):
        split = split_name(path.stem)
        if split:
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            found[split] = frozenset(line.split()[0] for line in lines if line.strip())
    return found


class _Reader:
    """Reads one file; holds where the data begins."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, path: Path) -> Row:
        place = below(path, self.root)
        try:
            tree = parse(path.read_bytes())
        except (BadXml, OSError) as error:
            problem = described(BROKEN_ROW, f"{place} cannot be read as XML: {' '.join(str(error).split())}")
            return Row(None, place, problem=problem)
        picture = _picture(path, text_of(tree, "filename"))
        size = _whole(text_of(tree, "size/width")), _whole(text_of(tree, "size/height"))
        row = Row(str(picture.absolute()), below(picture, self.root), declared=known_size(*size))
        for number, one in enumerate(tree.findall("object"), start=1):
            try:
                _add(row, one, f"{place}: object {number}")
            except BadObject as wrong:
                row.fault(wrong)
        return row


def _add(row: Row, one: Element, where: str) -> None:
    name = text_of(one, "name")
    if not name:
        raise BadObject(UNREADABLE, f"{where} has no name")
    sides = [text_of(one, f"bndbox/{side}") for side in _SIDES]
    row.add([side for side in sides if side], name, where, Form(), ignore=text_of(one, "difficult") == "1")


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _picture(file: Path, name: str) -> Path:
    """Find the picture: the name that the file gives, else the file's own with a picture's suffix."""
    # Only the last part of the name: what stands before it is the machine where the labels were drawn.
    plain = name.replace("\\", "/").rpartition("/")[2]
    folders = [file.parent, *(file.parent.parent / place for place in _PICTURES)]
    if plain:
        for folder in folders:
            if there(folder / plain):
                return folder / plain
    for folder in folders:
        for suffix in sorted(IMAGE_SUFFIXES):
            for path in (folder / f"{file.stem}{suffix}", folder / f"{file.stem}{suffix.upper()}"):
                if path.is_file():
                    return path
    return file.parent / (plain or f"{file.stem}.jpg")
