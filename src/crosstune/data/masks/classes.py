"""What the values of mask files mean: ``classes.txt``, in one of two forms.

    0 background            number and name
    64 128 64 animal        red, green, blue and name; classes are numbered in the order of the lines

A name ``ignore`` marks a value that is neither learnt nor counted. So is 255, unless a line names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crosstune.core.errors import shown
from crosstune.data.errors import UnreadableFile

IGNORE = 255
"""The value of pixels that are neither learnt nor counted, where nothing else is said. Source: Pascal VOC."""

IGNORED = "ignore"
"""The name in ``classes.txt`` that marks further values as such."""

FILES = ("classes.txt", "label_colors.txt", "labelmap.txt")
"""Names of the file; it lies beside the masks, or above them up to the folder that was named."""

_LARGEST = 1_000_000
_BEYOND = 100_000


@dataclass(frozen=True, kw_only=True)
class MaskClasses:
    """Values and names."""

    names: Mapping[int, str] = field(default_factory=dict)
    """By value; empty where nothing says it, and then every value is a class of its own."""
    colours: Mapping[tuple[int, int, int], int] = field(default_factory=dict)
    """By red, green, blue: the value. Where it is not empty, masks are pictures in these colours."""
    ignored: frozenset[int] = frozenset({IGNORE})
    """Values that are neither learnt nor counted."""
    source: str = ""
    """The file that says so, for people."""

    def name(self, value: int) -> str | None:
        """Name a value; ``None`` where it is not one of the declared."""
        return self.names.get(value) if self.names else str(value)


def find_classes(folders: list[Path], root: Path) -> MaskClasses:
    """Read the first file of classes in the folders of masks and above them, up to ``root``."""
    for folder in folders:
        for place in (folder, *folder.parents):
            for name in FILES:
                if (place / name).is_file():
                    return read_classes(place / name)
            if place == root:
                break
    return MaskClasses()


def read_classes(path: Path) -> MaskClasses:
    """Read a file of classes.

    Raises:
        UnreadableFile: a line is neither form, a value, a colour or a name is there twice.

    Checked by: ``tests/data/masks/test_classes.py``.
    """
    lines = _lines(path)
    names: dict[int, str] = {}
    colours: dict[tuple[int, int, int], int] = {}
    ignored: set[int] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        value, colour, name = _parts(line, len(names), len(colours))
        if not name:
            raise _unreadable(path, f"line {number}: {line[:80]}")
        twice = colour in colours or value in names or value in ignored
        if twice or (name in names.values() and name != IGNORED):
            raise _unreadable(path, f"line {number} repeats a value, a colour or a name: {line[:80]}")
        if colour is not None:
            colours[colour] = value
        if name == IGNORED:
            ignored.add(value)
        else:
            names[value] = name
    if colours and len(colours) < len(names) + len(ignored):
        raise _unreadable(path, "some lines with colours and some with numbers")
    if not names:
        raise _unreadable(path, shown(lines, most=3) or "nothing")
    usual = set() if colours or IGNORE in names else {IGNORE}
    return MaskClasses(names=names, colours=colours, ignored=frozenset(ignored | usual), source=path.name)


def _lines(path: Path) -> list[str]:
    if path.stat().st_size > _LARGEST:
        raise _unreadable(path, "a file of more than a million bytes")
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise _unreadable(path, str(error)[:200]) from None


def _parts(line: str, classes: int, colours: int) -> tuple[int, tuple[int, int, int] | None, str]:
    """Give value, colour and name of a line; an empty name where it has neither form."""
    words = line.replace(":", " ", 1).replace(",", " ").split()
    first = [int(word) for word in words[:3] if word.isdecimal() and len(word) < 6]
    if len(first) == 3 and len(words) > 3 and max(first) <= 255:
        name = " ".join(words[3:])
        # Ignored colours are numbered beyond all classes, so that they take no number from them.
        return classes if name != IGNORED else _BEYOND + colours, (first[0], first[1], first[2]), name
    if first and words[0].isdecimal():
        return first[0], None, " ".join(words[1:])
    return 0, None, ""


def _unreadable(path: Path, found: str) -> UnreadableFile:
    return UnreadableFile(
        f"`{path.name}` does not say what the values of masks mean",
        found=found,
        expected="lines such as `0 background`, or such as `64 128 64 animal` for masks in colours",
        fix="correct the file; docs/guides/labels-in-pictures.md shows both forms",
    )
