"""Labels in pictures, looked at for the check: what every other rule of it needs to know about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crosstune.data.boxes.form import Size
from crosstune.data.boxes.rows import HEIGHT, WIDTH
from crosstune.data.gate.boxes import Judged, box_findings, judge_boxes
from crosstune.data.gate.finding import Finding
from crosstune.data.gate.inputs import Inputs, Problem
from crosstune.data.gate.masks import JudgedMasks, judge_masks, mask_findings
from crosstune.data.labelled import LabelledData
from crosstune.data.masks.classes import MaskClasses
from crosstune.data.places import BOXES, Form
from crosstune.data.store import values


@dataclass(frozen=True)
class Located:
    """The outcome."""

    names: Mapping[str, Sequence[Any]]
    """By split: the classes in each picture. To the other rules it is a picture with several classes."""
    findings: Sequence[Finding] = ()
    tidy: Mapping[str, Any] = field(default_factory=dict)
    """By split: the target column as it is learnt."""


def locate(
    data: LabelledData,
    inputs: Mapping[str, Inputs],
    targets: Mapping[str, Sequence[Any]],
    problems: Mapping[str, dict[int, Problem]],
) -> Located | None:
    """Judge boxes or masks, and add the pictures whose labels are the problem; ``None`` for other targets.

    Args:
        data: as read.
        inputs: by split: what was seen of the pictures.
        targets: by split.
        problems: by split, then row; added to.

    Checked by: ``tests/data/test_planted_boxes.py``.
    """
    if data.places is None or data.target is None:
        return None
    if data.places.kind == BOXES:
        return _boxes(data, inputs, targets, problems, data.places.form or Form())
    return _masks(data, inputs, targets, problems, data.places.classes or MaskClasses())


def _boxes(
    data: LabelledData,
    inputs: Mapping[str, Inputs],
    targets: Mapping[str, Sequence[Any]],
    problems: Mapping[str, dict[int, Problem]],
    form: Form,
) -> Located:
    found: dict[str, Judged] = {}
    for split, objects in targets.items():
        usable = np.ones(len(objects), np.bool_)
        usable[list(problems[split])] = False
        sizes = inputs[split].table()[:, :2]
        found[split] = judge_boxes(objects, sizes, _declared(data, split), form, usable)
        for row, problem in found[split].problems.items():
            problems[split].setdefault(row, problem)
    remarks = data.places.remarks if data.places else ()
    return Located(
        names={split: [_names(one) for one in look.kept] for split, look in found.items()},
        findings=[*remarks, *box_findings(found, form)],
        tidy={split: look.tidy() for split, look in found.items()},
    )


def _masks(
    data: LabelledData,
    inputs: Mapping[str, Inputs],
    targets: Mapping[str, Sequence[Any]],
    problems: Mapping[str, dict[int, Problem]],
    classes: MaskClasses,
) -> Located:
    found: dict[str, JudgedMasks] = {}
    for split, cells in targets.items():
        usable = np.ones(len(cells), np.bool_)
        usable[list(problems[split])] = False
        found[split] = judge_masks(cells, inputs[split].table()[:, :2], classes, usable)
        for row, problem in found[split].problems.items():
            problems[split].setdefault(row, problem)
    remarks = data.places.remarks if data.places else ()
    return Located(
        names={split: look.names for split, look in found.items()},
        findings=[*remarks, *mask_findings(found, classes)],
    )


def _names(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(one["label"]) for one in objects if not one["ignore"]]


def _declared(data: LabelledData, split: str) -> list[Size | None]:
    dataset = data.splits[split]
    if not {WIDTH, HEIGHT} <= set(dataset.column_names):
        return [None] * len(dataset)
    pairs = zip(values(dataset, WIDTH), values(dataset, HEIGHT), strict=True)
    return [None if width is None else (width, height) for width, height in pairs]
