"""What can be wrong with the boxes of a picture: where they lie, how they are written, that one is double."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.core.overlaps import overlaps
from crosstune.data.boxes.form import OBJECTS_TYPE, Boxes, Size, as_written, boxes_of, to_pixels
from crosstune.data.gate.finding import ERROR, MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.gate.inputs import Problem
from crosstune.data.places import XYWH, XYXY, Form

ROUNDING = 1.0
"""Pixels by which a box may stick out of its picture: what counting from 1, or rounding, makes of it. Such
boxes are clipped. Source: Pascal VOC counts pixels from 1."""

SAME = 0.95
"""Intersection over union from which two boxes of one picture are the same. ASSUMED: hands that draw a box
twice differ by more than that only on small objects."""

FORM_SHARE, FORM_COUNT = 0.1, 3
"""Of the pictures with objects: how many must fit only as another form before it is believed. ASSUMED."""

TINY = 2.0
"""Pixels of the shorter side below which nothing can be seen in a box. ASSUMED."""

OUTSIDE, NO_AREA, WRONG_FORM, OTHER_SIZE = (
    "box-outside-picture",
    "box-without-area",
    "wrong-box-form",
    "picture-size-differs",
)


@dataclass
class Judged:
    """What was found in one split."""

    problems: dict[int, Problem] = field(default_factory=dict)
    """By row."""
    forms: dict[int, Form] = field(default_factory=dict)
    """By row with a problem: the other form in which all of its boxes would fit."""
    doubles: list[str] = field(default_factory=list)
    """Boxes that are there twice, as ``place = place``."""
    contradictions: list[str] = field(default_factory=list)
    """The same with two classes."""
    tiny: list[str] = field(default_factory=list)
    clipped: int = 0
    objects: int = 0
    ignored: int = 0
    backgrounds: int = 0
    labelled: int = 0
    """Pictures with objects."""
    kept: list[list[dict[str, Any]]] = field(default_factory=list)
    """Objects as they are learnt: inside the picture, each once."""

    def tidy(self) -> pa.Array:
        """Give the column of objects as they are learnt."""
        return pa.array(self.kept, OBJECTS_TYPE)


def judge_boxes(
    objects: Sequence[Sequence[dict[str, Any]] | None],
    sizes: NDArray[np.uint32],
    declared: Sequence[Size | None],
    form: Form,
    usable: NDArray[np.bool_],
) -> Judged:
    """Look at the boxes of every usable picture of a split.

    Args:
        objects: N lists, in the form of ``data/boxes/form.py``.
        sizes: ``(N, 2)`` width and height of the upright pictures.
        declared: width and height as the labels have them.
        form: how the boxes were written.
        usable: ``(N,)``; pictures that can be decoded, and whose labels could be read.

    Cost: linear in the pictures, quadratic in the boxes of one picture.
    Checked by: ``tests/data/gate/test_boxes.py``.
    """
    found = Judged()
    for row, given in enumerate(objects):
        own = list(given or [])
        if usable[row]:
            size = (float(sizes[row, 0]), float(sizes[row, 1]))
            problem = _problem(found, row, own, size, declared[row], form)
            if problem is None:
                own = _good(found, own, size)
            else:
                found.problems[row] = problem
        found.kept.append(own)
    return found


def _problem(
    found: Judged,
    row: int,
    own: list[dict[str, Any]],
    size: Size,
    declared: Size | None,
    form: Form,
) -> Problem | None:
    if declared is not None and declared != size:
        turned = "; it is turned upright by its EXIF data" if declared == size[::-1] else ""
        return OTHER_SIZE, (
            f"the labels are for {declared[0]:.0f} x {declared[1]:.0f} pixels, the picture has "
            f"{size[0]:.0f} x {size[1]:.0f}{turned}"
        )
    if not own:
        return None
    boxes = boxes_of(own)
    empty, outside = without_area(boxes), leaves(boxes, size)
    wrong = empty | outside
    shares = (
        not form.normalised and min(size) > 2 and bool((np.abs(as_written(boxes, form, size)) <= 1).all())
    )
    if not wrong.any() and not shares:
        return None
    other = Form(form.corners, normalised=True) if shares else other_form(boxes, form, size)
    first = int(np.argmax(wrong))
    numbers = shown(f"{number:g}" for number in as_written(boxes, form, size)[first].round(4))
    more = f" (and {int(wrong.sum()) - 1} more)" if wrong.sum() > 1 else ""
    said = f"{own[first]['place']}: ({numbers}) as {form.words}"
    hint = f"; as {other.words} all boxes of the picture would fit" if other else ""
    if other is not None:
        found.forms[row] = other
    if shares:
        return WRONG_FORM, f"{said} lies in the first pixel{hint}"
    if other is not None and wrong.sum() > 1:
        return WRONG_FORM, f"{said} does not fit into {size[0]:.0f} x {size[1]:.0f} pixels{more}{hint}"
    if empty[first]:
        return NO_AREA, f"{said} is {_sides(boxes[first])}{more}{hint}"
    return OUTSIDE, f"{said} leaves the picture of {size[0]:.0f} x {size[1]:.0f} pixels{more}{hint}"


def _sides(box: Boxes) -> str:
    width, height = box[2] - box[0], box[3] - box[1]
    if width < 0 or height < 0:
        return "turned round: its right is left of its left, or its bottom above its top"
    return f"{width:g} x {height:g} pixels large"


def without_area(boxes: Boxes) -> NDArray[np.bool_]:
    """Say of ``(N, 4)`` boxes which have no width or no height."""
    result: NDArray[np.bool_] = np.any(boxes[:, 2:] <= boxes[:, :2], axis=1)
    return result


def leaves(boxes: Boxes, size: Size) -> NDArray[np.bool_]:
    """Say of ``(N, 4)`` boxes which leave a picture by more than ``ROUNDING``."""
    low, high = boxes.min(axis=1), boxes.reshape(-1, 2, 2).max(axis=1) - np.array(size)
    result: NDArray[np.bool_] = np.logical_or(low < -ROUNDING, (high > ROUNDING).any(axis=1))
    return result


def other_form(boxes: Boxes, form: Form, size: Size) -> Form | None:
    """Find another form in which all boxes of a picture would fit, for boxes that do not."""
    numbers = as_written(boxes, form, size)
    unlike = [
        Form(corners, normalised=form.normalised) for corners in (XYXY, XYWH) if corners != form.corners
    ]
    if form.normalised:
        unlike.append(Form(form.corners))
        if not (numbers > ROUNDING).any():  # shares remain shares
            unlike.pop()
    for other in unlike:
        again = to_pixels(numbers, other, size)
        if not (without_area(again) | leaves(again, size)).any():
            return other
    return None


def _good(found: Judged, own: list[dict[str, Any]], size: Size) -> list[dict[str, Any]]:
    """Count, clip, and leave out what is there twice."""
    found.labelled += bool(own)
    found.backgrounds += not own
    if not own:
        return own
    boxes = boxes_of(own)
    inside = np.clip(boxes, 0, np.array([*size, *size]))
    found.clipped += int((inside != boxes).any(axis=1).sum())
    found.tiny += [
        str(own[place]["place"])
        for place in np.flatnonzero((inside[:, 2:] - inside[:, :2]).min(axis=1) < TINY).tolist()
    ]
    again = set()
    for left, right in _same(inside):
        pair = f"{own[left]['place']} = {own[right]['place']}"
        if own[left]["label"] == own[right]["label"]:
            found.doubles.append(pair)
            again.add(right)
        else:
            found.contradictions.append(f"{pair} ({own[left]['label']}, {own[right]['label']})")
    kept = [
        {**one, "box": box} for place, (one, box) in enumerate(zip(own, inside.tolist(), strict=True))
        if place not in again
    ]  # fmt: skip
    found.objects += sum(not one["ignore"] for one in kept)
    found.ignored += sum(bool(one["ignore"]) for one in kept)
    return kept


def _same(boxes: Boxes) -> list[tuple[int, int]]:
    """Pair boxes that are the same, each with the first one of its kind."""
    shared = overlaps(boxes, boxes)
    left, right = np.nonzero(np.triu(shared >= SAME, k=1))
    first: dict[int, int] = {}
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        first.setdefault(other, one)
    return [(one, other) for other, one in sorted(first.items())]


def box_findings(found: Mapping[str, Judged], form: Form) -> list[Finding]:
    """Say what all splits show together: the form, doubles, contradictions, tiny boxes, and counts."""
    looks = list(found.values())
    findings = _form_findings(looks, form)
    findings += _listed(
        [item for look in looks for item in look.doubles],
        WARNING,
        "duplicate-boxes",
        "boxes have the place and the class of another box of their picture",
        "remove one of each pair; until then the second is left out",
    )
    findings += _listed(
        [item for look in looks for item in look.contradictions],
        WARNING,
        "contradicting-boxes",
        "boxes have the place of another box of their picture, and another class",
        "correct the class, or remove one of each pair; both are learnt as they are",
    )
    findings += _listed(
        [item for look in looks for item in look.tiny],
        NOTE,
        "tiny-boxes",
        f"boxes are less than {TINY:g} pixels wide or high",
        "look at them; slips of the mouse look like this",
    )
    return [*findings, _counts(looks)]


def _form_findings(looks: Sequence[Judged], form: Form) -> list[Finding]:
    others = [other for look in looks for other in look.forms.values()]
    pictures = sum(look.labelled + len(look.problems) for look in looks)
    if len(others) < max(FORM_COUNT, FORM_SHARE * pictures):
        return []
    likely = max(set(others), key=others.count)
    return [
        Finding(
            severity=ERROR,
            code=WRONG_FORM,
            sentence=f"{len(others):,} of {pictures:,} pictures have boxes that fit as {likely.words} "
            f"and not as {form.words}, which the layout declares; those that fit by chance are as wrong",
            fix=f"write the boxes as {form.words}, or name columns that say what they are",
        )
    ]


def _listed(items: Sequence[str], severity: str, code: str, what: str, fix: str) -> list[Finding]:
    if not items:
        return []
    sentence = f"{len(items):,} {what}: {shown(items, most=3)}"
    return [
        Finding(severity=severity, code=code, sentence=sentence, fix=fix, items=tuple(items[:MOST_ITEMS]))
    ]


def _counts(looks: Sequence[Judged]) -> Finding:
    labelled, empty, objects, ignored, clipped = (
        sum(getattr(look, name) for look in looks)
        for name in ("labelled", "backgrounds", "objects", "ignored", "clipped")
    )
    parts = [f"{objects:,} objects in {labelled:,} pictures"]
    parts += [f"{empty:,} pictures without any, which stay as backgrounds"] if empty else []
    parts += [f"{ignored:,} more are marked as crowds or difficult, and neither learnt nor counted"] * bool(
        ignored
    )
    parts += [f"{clipped:,} boxes clipped that stuck out by at most a pixel"] if clipped else []
    return Finding(severity=NOTE, code="object-counts", sentence="; ".join(parts), fix="nothing")
