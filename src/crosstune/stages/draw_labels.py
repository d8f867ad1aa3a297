"""``crosstune check --draw``: pictures with their labels drawn on, so that a person can look at them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.errors import DoesNotApply
from crosstune.core.files import replacing
from crosstune.core.seeding import generator
from crosstune.data.boxes.target import ObjectsTarget
from crosstune.data.check import CheckReport
from crosstune.data.gate.report import BadItem
from crosstune.data.images import ImageProblem
from crosstune.data.items import SplitItems
from crosstune.data.masks.classes import MaskClasses
from crosstune.data.masks.target import MaskTarget
from crosstune.data.targets import is_missing, labels_of
from crosstune.reports.sheet import Tile, sheet

MOST = 24
"""Pictures on a sheet: what a person looks through. ASSUMED."""

SET_ASIDE, BACKGROUND = "set-aside", "background"


def draw_labels(report: CheckReport, folder: Path, *, seed: int = 0) -> list[Path]:
    """Write one sheet for each split, and one of the pictures that are set aside.

    Args:
        report: of a check of pictures.
        folder: takes ``train.png``, ``test.png`` ..., ``set-aside.png``; written over where they are there.
        seed: of which pictures are taken, where a split has more than ``MOST``.

    Returns:
        The files.

    Raises:
        DoesNotApply: the data are no pictures.

    Cost: decodes at most ``MOST`` pictures of each split. Checked by: ``tests/stages/test_draw_labels.py``.
    """
    if report.data.modality != "image":
        raise DoesNotApply(
            "labels can be drawn on pictures only",
            found=f"inputs of the kind {report.data.modality}",
            expected="pictures with classes, boxes or masks",
            fix="leave --draw out",
        )
    clean = report.clean()
    classes = report.data.places.classes if report.data.places is not None else None
    names = list(dict.fromkeys(name for found in report.class_counts.values() for name in found))
    if classes is not None:
        names = [name for name in names if name.lower() != BACKGROUND]  # the picture as it is
    written = []
    gone = {split: {item.index for item in report.bad if item.split == split} for split in report.data.splits}
    for split in report.data.splits:
        if len(gone[split]) == len(report.data.splits[split]):
            continue
        items = clean.items(split)
        chosen = np.sort(generator(seed, f"draw {split}").permutation(len(items))[:MOST])
        part = items.subset(chosen.tolist())
        tiles = [
            _tile(picture, target, origin, classes=classes, names=names)
            for picture, target, origin in zip(
                part.batch(range(len(part))),
                part.targets() or [None] * len(part),
                part.origins(),
                strict=True,
            )
        ]
        written.append(_write(tiles, names, folder / f"{split}.png"))
    if report.bad:
        tiles = [
            _bad_tile(report.data.items(item.split), item, classes, names) for item in _spread(report.bad)
        ]
        written.append(_write(tiles, names, folder / f"{SET_ASIDE}.png"))
    return written


def _spread(bad: Sequence[BadItem]) -> list[BadItem]:
    """Take the first of every code, then the second, and so on."""
    turns: dict[str, int] = {}
    order = []
    for item in bad:
        turns[item.code] = turns.get(item.code, 0) + 1
        order.append(turns[item.code])
    ranked = sorted(range(len(bad)), key=order.__getitem__)
    return [bad[place] for place in ranked[:MOST]]


def _bad_tile(items: SplitItems, item: BadItem, classes: MaskClasses | None, names: Sequence[str]) -> Tile:
    part = items.subset([item.index])
    try:
        picture = part.batch([0])[0]
    except ImageProblem:
        picture = None
    target = part.targets()[0] if items.target else None
    return _tile(picture, target, item.origin, f"{item.code}: {item.reason}", classes, names)


def _tile(
    picture: Image.Image | None,
    target: Any,  # noqa: ANN401 - a raw target
    origin: str,
    remark: str = "",
    classes: MaskClasses | None = None,
    names: Sequence[str] = (),
) -> Tile:
    if classes is not None:
        mask = _numbered(target, names)
        return Tile(picture=picture, caption=origin, remark=remark, mask=mask)
    if isinstance(target, ObjectsTarget):
        boxes = [(one["box"], str(one["label"])) for one in target.objects if len(one["box"]) == 4]
        return Tile(picture=picture, caption=origin, remark=remark, boxes=boxes)
    said = "" if is_missing(target) else ", ".join(labels_of(target))
    return Tile(picture=picture, caption=origin, remark=remark or said)


def _numbered(mask: MaskTarget, names: Sequence[str]) -> NDArray[np.int64] | None:
    """Turn the values of a mask into places in ``names``; what has no class becomes -1."""
    try:
        values = mask.pixels()
    except ImageProblem:
        return None
    present, inverse = np.unique(values, return_inverse=True)
    known = [mask.name(value) for value in present.tolist()]
    table = np.array([names.index(name) if name in names else -1 for name in known], np.int64)
    found: NDArray[np.int64] = table[inverse.reshape(values.shape)]
    return found


def _write(tiles: Sequence[Tile], names: Sequence[str], path: Path) -> Path:
    with replacing(path) as temporary:
        sheet(tiles, names).save(temporary, "PNG")
    return path
