"""A folder of pictures and a folder of masks whose files have the same names; perhaps for each split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from crosstune.core.errors import shown
from crosstune.data.boxes.rows import IMAGE, below
from crosstune.data.cells import printable
from crosstune.data.errors import UnknownLayout
from crosstune.data.gate.finding import MOST_ITEMS, WARNING, Finding
from crosstune.data.layout import IMAGE_SUFFIXES, WHOLE, is_hidden, split_name, suffix_of
from crosstune.data.masks.classes import find_classes
from crosstune.data.places import MASKS, Places
from crosstune.data.readers.base import RawData
from crosstune.data.store import IMAGE_TYPE, ORIGIN, make

MASK = "mask"
"""The column of masks."""

PICTURES = ("images", "image", "imgs", "img", "pictures", "jpegimages")
LABELS = ("masks", "mask", "labels", "annotations", "segmentationclass", "gt")
"""Names of the two folders, in small letters."""

TAILS = ("_mask", "_masks", "_label", "_labels", "_gt", "_L", "_labelIds", "_segmentation")
"""What the stem of a mask may have behind that of its picture."""

_MASK_SUFFIXES = IMAGE_SUFFIXES - {".jpg", ".jpeg", ".jfif", ".webp"}


class MaskFolders:
    """``images/1.jpg`` and ``masks/1.png``; ``train/images/...``; or ``images/train/...``."""

    name = "pictures and masks"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """A folder with a folder of pictures beside one of masks, or with such folders for each split."""
        return isinstance(data, Path) and data.is_dir() and bool(_pairs(data))

    def read(self, data: Path) -> RawData:
        """Pair the files by their stems; a picture without a mask is set aside by the check."""
        pairs = _pairs(data)
        classes = find_classes([masks for _, masks in pairs.values()], data)
        remarks: list[Finding] = []
        splits = {}
        for split, (pictures, masks) in pairs.items():
            found, lost = _matched(pictures, masks)
            if not found:
                raise UnknownLayout(
                    f"`{below(pictures, data)}` holds no pictures",
                    found=shown(sorted(path.name for path in pictures.iterdir())) or "nothing",
                    expected="pictures, and beside their folder one of masks with the same names",
                    fix="see docs/guides/labels-in-pictures.md for the layouts",
                )
            splits[split] = _table(found, data)
            remarks += _without_picture([below(path, data) for path in lost])
        return RawData(
            source=str(data),
            splits=splits,
            inputs=(IMAGE,),
            target=MASK,
            modality="image",
            declared={MASK: tuple(classes.names[value] for value in sorted(classes.names))},
            places=Places(kind=MASKS, classes=classes, remarks=tuple(remarks)),
        )


def _pairs(data: Path) -> dict[str, tuple[Path, Path]]:
    """Find by split the folders of pictures and of masks."""
    whole = _pair(data)
    if whole is not None:
        inner = {split: (one, other) for split, one, other in _splits(*whole)}
        return inner or {WHOLE: whole} if inner or _any(whole[1], _MASK_SUFFIXES) else {}
    found: dict[str, tuple[Path, Path]] = {}
    for folder in _folders(data):
        split, pair = split_name(folder.name), _pair(folder)
        if split and pair and _any(pair[1], _MASK_SUFFIXES):
            found.setdefault(split, pair)
    return found


def _pair(folder: Path) -> tuple[Path, Path] | None:
    named = {path.name.lower(): path for path in _folders(folder)}
    pictures = next((named[name] for name in PICTURES if name in named), None)
    masks = next((named[name] for name in LABELS if name in named), None)
    return (pictures, masks) if pictures and masks else None


def _splits(pictures: Path, masks: Path) -> list[tuple[str, Path, Path]]:
    others = {split_name(path.name): path for path in _folders(masks) if _any(path, _MASK_SUFFIXES)}
    return [
        (split, path, others[split])
        for path in _folders(pictures)
        if (split := split_name(path.name)) and split in others
    ]


def _folders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not is_hidden(path.name)]


def _any(folder: Path, suffixes: frozenset[str]) -> bool:
    return any(suffix_of(path.name) in suffixes for path in folder.iterdir())


def _matched(pictures: Path, masks: Path) -> tuple[list[tuple[Path, Path | None]], list[Path]]:
    """Pair pictures with masks, at any depth; also give the masks that no picture has."""
    own = _files(pictures)
    free = _files(masks)
    found: list[tuple[Path, Path | None]] = []
    for stem, path in own.items():
        names = (stem, *(f"{stem}{tail}" for tail in TAILS))
        found.append((path, next((free.pop(name) for name in names if name in free), None)))
    return found, list(free.values())


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if suffix_of(path.name) in IMAGE_SUFFIXES and not is_hidden(path.name):
            found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def _table(pairs: list[tuple[Path, Path | None]], root: Path) -> Any:  # noqa: ANN401 - a Dataset
    def cell(path: Path | None) -> Mapping[str, Any] | None:
        return None if path is None else {"bytes": None, "path": printable(str(path.absolute()))}

    return make(
        pa.table(
            {
                IMAGE: pa.array([cell(picture) for picture, _ in pairs], IMAGE_TYPE),
                MASK: pa.array([cell(mask) for _, mask in pairs], IMAGE_TYPE),
                ORIGIN: pa.array([below(picture, root) for picture, _ in pairs], pa.string()),
            }
        )
    )


def _without_picture(names: list[str]) -> list[Finding]:
    if not names:
        return []
    return [
        Finding(
            severity=WARNING,
            code="masks-without-picture",
            sentence=f"{len(names):,} masks have the name of no picture, and are left out: "
            f"{shown(names, most=3)}",
            fix="add their pictures, or give picture and mask the same name",
            items=tuple(names[:MOST_ITEMS]),
        )
    ]
