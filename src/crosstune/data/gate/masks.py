"""What can be wrong with masks: none there, another size, values without a class, nearly all of one class."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.core.labels import LabelMap
from crosstune.data.gate.finding import ERROR, MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.gate.inputs import Problem
from crosstune.data.images import ImageProblem
from crosstune.data.masks.classes import IGNORE, MaskClasses
from crosstune.data.masks.pixels import UNKNOWN, mask_values
from crosstune.data.threads import each_in_order

MISSING, OTHER_SIZE, WITHOUT_CLASS, NOTHING = (
    "missing-mask",
    "mask-size-differs",
    "mask-value-without-class",
    "only-ignored-pixels",
)

UNBALANCED = 100
"""How many times as many pixels as the rarest class the largest has, from which it is said. ASSUMED."""


@dataclass
class JudgedMasks:
    """What was found in one split."""

    problems: dict[int, Problem] = field(default_factory=dict)
    """By row."""
    names: list[list[str]] = field(default_factory=list)
    """The classes in each picture."""
    pixels: Counter[str] = field(default_factory=Counter)
    """By class, of the good masks."""
    ignored: int = 0
    """Pixels."""
    masks: int = 0
    """Good masks."""
    seen: set[int] = field(default_factory=set)
    """Values of all masks that could be read."""


def judge_masks(
    cells: Sequence[Mapping[str, Any] | None],
    sizes: NDArray[np.uint32],
    classes: MaskClasses,
    usable: NDArray[np.bool_],
) -> JudgedMasks:
    """Decode every mask of the usable pictures of a split, and compare it with picture and classes.

    Args:
        cells: N files.
        sizes: ``(N, 2)`` width and height of the upright pictures.
        classes: what the values mean.
        usable: ``(N,)``; pictures that can be decoded.

    Cost: decodes every mask once; counts of one mask at a time are in memory.
    Checked by: ``tests/data/test_planted_masks.py``.
    """
    found = JudgedMasks()

    def look(row: int) -> Counter[int] | Problem | None:
        return _counted(cells[row], sizes[row].tolist(), classes) if usable[row] else None

    for row, counts in enumerate(each_in_order(look, range(len(cells)))):
        if isinstance(counts, Counter):
            found.seen |= set(counts)
            counts = _judged(counts, classes)  # noqa: PLW2901 - the same row
        if isinstance(counts, Counter):
            good = {value: count for value, count in counts.items() if value not in classes.ignored}
            named = {str(classes.name(value)): count for value, count in good.items()}
            found.pixels.update(named)
            found.ignored += sum(counts.values()) - sum(good.values())
            found.masks += 1
            found.names.append(sorted(named))
        else:
            found.names.append([])
            if counts is not None:
                found.problems[row] = counts
    return found


def _counted(
    cell: Mapping[str, Any] | None, size: Sequence[int], classes: MaskClasses
) -> Counter[int] | Problem:
    if cell is None:
        return MISSING, "no mask has the name of the picture"
    try:
        values = mask_values(cell, classes)
    except ImageProblem as problem:
        return problem.code if problem.code != "missing-file" else MISSING, f"the mask: {problem.reason}"
    height, width = values.shape
    if (width, height) != tuple(size):
        turned = "; the picture is turned upright by its EXIF data" if (height, width) == tuple(size) else ""
        return OTHER_SIZE, (
            f"the mask has {width} x {height} pixels, the picture {size[0]} x {size[1]}{turned}"
        )
    present, counts = np.unique(values, return_counts=True)
    return Counter(dict(zip(present.tolist(), counts.tolist(), strict=True)))


def _judged(counts: Counter[int], classes: MaskClasses) -> Counter[int] | Problem:
    strange = [value for value in counts if value not in classes.ignored and classes.name(value) is None]
    if strange:
        said = ["a colour" if value == UNKNOWN else str(value) for value in sorted(strange)]
        pixels = sum(counts[value] for value in strange)
        return (
            WITHOUT_CLASS,
            f"{pixels:,} pixels have {shown(said, most=5)}, which {classes.source} does not name",
        )
    if set(counts) <= classes.ignored:
        return NOTHING, "every pixel of the mask is ignored"
    return counts


def mask_findings(found: Mapping[str, JudgedMasks], classes: MaskClasses) -> list[Finding]:
    """Say what all masks show together: which class has how many pixels, and what 255 may mean."""
    looks = list(found.values())
    seen = set[int]().union(*(look.seen for look in looks))
    pixels: Counter[str] = sum((look.pixels for look in looks), Counter())
    findings = []
    if not classes.names and IGNORE in seen and len(seen) <= 2:
        findings.append(
            Finding(
                severity=ERROR,
                code="unclear-255",
                sentence=f"the masks have the values {shown(sorted(seen))} only, and 255 stands for pixels "
                "that are ignored: then one class is left",
                fix="write what they mean into classes.txt beside the masks: `0 background` and `255 NAME`",
            )
        )
    total = sum(pixels.values())
    if not total:
        return findings
    masks, ignored = sum(look.masks for look in looks), sum(look.ignored for look in looks)
    names = LabelMap.from_values(pixels).names
    ordered = sorted(names, key=lambda name: -pixels[name])
    shares = shown((f"{name} {pixels[name] / total:.2%}" for name in ordered), most=8)
    left = f"; {ignored / (total + ignored):.1%} of all pixels are ignored" if ignored else ""
    ratio = pixels[ordered[0]] / pixels[ordered[-1]]
    findings.append(
        Finding(
            severity=NOTE, code="pixel-counts", sentence=f"{masks:,} masks: {shares}{left}", fix="nothing"
        )
    )
    if ratio >= UNBALANCED:
        rare = [name for name in ordered if pixels[ordered[0]] >= UNBALANCED * pixels[name]]
        findings.append(
            Finding(
                severity=WARNING,
                code="unbalanced-pixels",
                sentence=f"`{ordered[0]}` has {ratio:,.0f} times as many pixels as `{ordered[-1]}`, so pixel "
                f"accuracy misleads; below a hundredth of it: {shown(rare, most=8)}",
                fix="look at the mean IoU and at the IoU of each class",
                items=tuple(rare[:MOST_ITEMS]),
            )
        )
    return findings
