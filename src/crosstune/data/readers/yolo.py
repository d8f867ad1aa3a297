"""YOLO: ``data.yaml`` names classes and folders of pictures; each picture has a ``.txt`` file of boxes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from crosstune.core.errors import shown
from crosstune.data.boxes.form import OUTSIDE_MAP, UNREADABLE, BadObject, Size, numbers_of, whole
from crosstune.data.boxes.rows import Row, below, raw_boxes, size_of, there
from crosstune.data.errors import UnreadableFile
from crosstune.data.layout import IMAGE_SUFFIXES, is_hidden, split_name, suffix_of
from crosstune.data.places import CXCYWH, Form
from crosstune.data.problems import INVALID_UTF8, MISSING_FILE, described
from crosstune.data.readers.base import RawData
from crosstune.data.threads import each_in_order

SUFFIXES = frozenset({".yaml", ".yml"})
_LARGEST = 1_000_000
"""Bytes of ``data.yaml``, and of one label file."""
_FORM = Form(CXCYWH, normalised=True)
_KEYS = ("train", "val", "valid", "validation", "test")


class YoloFiles:
    """A ``data.yaml``, or a folder with one."""

    name = "YOLO files"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """A YAML file with ``names`` and ``train`` or another split, or a folder with one such file."""
        return isinstance(data, Path) and _yaml_of(data) is not None

    def read(self, data: Path) -> RawData:
        """Read the labels of every picture of every split; a picture without a label file is a background."""
        path = _yaml_of(data)
        assert path is not None  # noqa: S101 - it was claimed
        content = _content(path)
        names = class_names(content, path)
        root = path.parent
        splits: dict[str, list[Row]] = {}
        for key in _KEYS:
            if content.get(key):
                split = split_name(key) or key
                splits.setdefault(split, []).extend(_Split(path, content, key, names).rows(root))
        declared = [names[number] for number in sorted(names)]
        return raw_boxes(str(data), splits, _FORM, declared=declared)


def _yaml_of(data: Path) -> Path | None:
    if data.is_file():
        return data if data.suffix.lower() in SUFFIXES and _is_yolo(data) else None
    if not data.is_dir():
        return None
    found = [path for path in sorted(data.iterdir()) if path.suffix.lower() in SUFFIXES and _is_yolo(path)]
    usual = [path for path in found if path.stem in ("data", "dataset")]
    return (usual or found)[0] if len(usual) == 1 or len(found) == 1 else None


def _is_yolo(path: Path) -> bool:
    if path.stat().st_size > _LARGEST:
        return False
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        # One that is called data.yaml shall be named as broken when it is read.
        return path.stem in ("data", "dataset")
    return isinstance(content, dict) and "names" in content and any(key in content for key in _KEYS)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _unreadable(path, " ".join(str(error).split())[:200], "YAML") from None
    if not isinstance(content, dict):
        raise _unreadable(path, f"a {type(content).__name__}", "keys with values")
    return content


def _unreadable(path: Path, found: str, expected: str) -> UnreadableFile:
    return UnreadableFile(
        f"`{path.name}` does not describe a YOLO set",
        found=found,
        expected=expected,
        fix="see docs/guides/labels-in-pictures.md for an example, and correct the file",
    )


def class_names(content: dict[str, Any], path: Path) -> dict[int, str]:
    """Return class names by number, from a list or a mapping.

    Raises ``UnreadableFile`` where they are neither, where one is there twice, or ``nc`` says another count.
    """
    given = content.get("names")
    names: dict[int, str] = {}
    if isinstance(given, list):
        names = {number: whole(name).strip() for number, name in enumerate(given)}
    elif isinstance(given, dict) and all(isinstance(number, int) and number >= 0 for number in given):
        names = {number: whole(name).strip() for number, name in given.items()}
    if not names or not all(names.values()):
        expected = "names: [cat, dog], or names with a number for each"
        raise _unreadable(path, f"names: {str(given)[:100]}", expected)
    twice = sorted(name for name, count in Counter(names.values()).items() if count > 1)
    if twice:
        raise _unreadable(path, f"more than one class called {shown(twice)}", "each name once")
    count = content.get("nc")
    if count is not None and count != len(names):
        raise _unreadable(path, f"nc: {count}, and {len(names)} names", "as many names as nc says")
    return names


class _Split:
    """The pictures and label files of one key of ``data.yaml``."""

    def __init__(self, path: Path, content: dict[str, Any], key: str, names: dict[int, str]) -> None:
        self.path, self.key, self.names = path, key, names
        given = content[key] if isinstance(content[key], list) else [content[key]]
        self.places = [self._found(str(one), str(content.get("path") or "")) for one in given]

    def _found(self, name: str, base: str) -> Path:
        """Find a folder or a list: below ``path``, beside the YAML file, or as Roboflow means ``../``."""
        own = self.path.parent
        bare = name.removeprefix("../").removeprefix("./")
        tried = [own / base / name, own / name, own / bare]
        for place in tried:
            if there(place):
                return place
        raise _unreadable(
            self.path,
            f"{self.key}: {name}, and no `{tried[0]}`" + (f", no `{tried[1]}`" if base else ""),
            "folders of pictures that are there, relative to `path` or to the file itself",
        )

    def rows(self, root: Path) -> list[Row]:
        """Make a row of every picture, and of every label file without a picture."""
        pictures = [path for place in self.places for path in _pictures(place)]

        def read(path: str) -> Row:
            return row_of(path, self.names, root)

        rows = list(each_in_order(read, pictures))
        labels = {Path(label_of(path)) for path in pictures}
        # Beside the pictures themselves a text may be anything; in `labels` it is a label file.
        folders = {path.parent for path in labels} - {Path(path).parent for path in pictures}
        if all(place.is_dir() for place in self.places):
            problem = described(MISSING_FILE, "no picture has the name of this label file")
            lost = [path for folder in sorted(folders) for path in _label_files(folder) if path not in labels]
            rows += [Row(None, below(path, root), problem=problem) for path in lost]
        return rows


def _label_files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    return [path for path in found if not is_hidden(path.name) and path.name != "classes.txt"]


def _pictures(place: Path) -> Iterator[str]:
    """Give the absolute paths of pictures of a folder, at any depth, or of a list of paths."""
    if place.is_dir():
        for path in sorted(place.rglob("*")):
            if suffix_of(path.name) in IMAGE_SUFFIXES and not is_hidden(path.name):
                yield str(path.absolute())
        return
    for line in place.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        if line.strip():
            yield str((place.parent / line.strip()).absolute())


def label_of(path: str) -> str:
    """Return where the labels of a picture are: ``labels`` for the last ``images`` in its path, ``.txt``."""
    stem = str(Path(path).with_suffix(""))
    before, images, after = stem.rpartition("/images/")
    return f"{before}/labels/{after}.txt" if images else f"{stem}.txt"


def row_of(path: str, names: dict[int, str], root: Path) -> Row:
    """Read the label file of one picture; none, or an empty one, means that there is no object.

    Checked by: ``tests/data/readers/test_boxes.py``.
    """
    row = Row(path, below(path, root))
    file = Path(label_of(path))
    if not there(file):
        return row
    place = below(file, root)
    if file.stat().st_size > _LARGEST:
        row.problem = described(UNREADABLE, f"{place} is larger than {_LARGEST:,} bytes")
        return row
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        row.problem = described(INVALID_UTF8, f"{place} is not UTF-8")
        return row
    size = size_of(path) or (1, 1)  # a picture that cannot be opened is set aside whatever its boxes are
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                add_line(row, line.split(), f"{place}:{number}", names, size)
            except BadObject as wrong:
                row.fault(wrong)
    return row


def add_line(row: Row, cells: Sequence[str], where: str, names: Mapping[int, str], size: Size) -> None:
    """Add the object of one line to its picture; raises ``BadObject``."""
    try:
        number = float(cells[0])
    except ValueError:
        raise BadObject(UNREADABLE, f"{where}: the class is `{cells[0][:20]}`, no number") from None
    if number not in names:
        known = f"data.yaml has {shown(sorted(names), most=8)}"
        raise BadObject(OUTSIDE_MAP, f"{where}: class {cells[0]}, but {known}")
    values: list[Any] = [*cells[1:]]
    if len(values) == 5:
        raise BadObject(
            UNREADABLE, f"{where}: five numbers behind the class; predictions, with a confidence?"
        )
    if len(values) >= 6 and len(values) % 2 == 0:
        values = _around(values, where)
    row.add(values, names[int(number)], where, _FORM, size)


def _around(values: list[str], where: str) -> list[float]:
    """Give the box around a polygon, as its centre and its sides."""
    pairs = [numbers_of([*values[at : at + 2], 0, 0], where)[:2] for at in range(0, len(values), 2)]
    left, top = (min(pair[side] for pair in pairs) for side in (0, 1))
    right, bottom = (max(pair[side] for pair in pairs) for side in (0, 1))
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
