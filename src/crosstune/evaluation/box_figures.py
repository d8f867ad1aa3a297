"""What the report shows of found boxes: precision by recall, and which classes are taken for others.

Shapes: N pictures, K classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.overlaps import overlaps
from crosstune.core.summary import Curve
from crosstune.tasks.box_metrics import PARTNER, Judge
from crosstune.tasks.box_rows import BoxRows, from_array
from crosstune.tasks.structured import WithBoxes

BACKGROUND = "background"
"""Where there is no true box, or none was found."""

MOST_CURVES = 10
"""Classes that get a curve each; with more, only the mean is drawn."""


def precision_curves(task: WithBoxes, answers: NDArray[Any], truth: NDArray[Any]) -> tuple[Curve, ...]:
    """Give precision by recall in percent, at an overlap of 0.5, of each class that has a true box.

    Of more than ``MOST_CURVES`` classes only the mean, in which a class counts 0 beyond its largest recall:
    the mean of its values is ``map-50``. The curve of a class ends there.

    Args:
        task: finds boxes.
        answers: packed boxes with scores, ``(N,)``.
        truth: packed boxes, ``(N,)``.

    Checked by: ``tests/evaluation/test_box_figures.py``.
    """
    curves = Judge(len(task.classes))(answers, truth).curves()
    precisions, present = curves.precisions[0], curves.there > 0
    steps = list(range(precisions.shape[1]))
    if len(task.classes) > MOST_CURVES:
        if not present.any():
            return ()
        return (Curve(name="mean", steps=steps, values=precisions[present].mean(axis=0).tolist()),)
    reached = np.where(precisions > 0, precisions, np.nan)
    return tuple(
        Curve(name=name, steps=steps, values=reached[place].tolist())
        for place, name in enumerate(task.classes)
        if present[place]
    )


def box_confusion(task: WithBoxes, answers: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.int64]:
    """Count boxes by true class (row) and found class (column), ``(K + 1, K + 1)``; last is the background.

    Of the boxes that are sure enough to be shown. Partners overlap by half or more: first those of one class,
    the surest choosing first, then any that are left over. Found boxes that lie by half on an ignored object
    of their class do not count, and the object does not either.
    """
    classes = len(task.classes)
    table = np.zeros((classes + 1, classes + 1), np.int64)
    for found, there in zip(task.boxes(answers), from_array(truth), strict=True):
        np.add.at(table, _cells(found, there, classes), 1)
    return table


def _cells(found: BoxRows, truth: BoxRows, background: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the true and the found class of each pair, and of each box that is left over."""
    ignored = truth.values == 0
    overlap = overlaps(found.boxes, truth.boxes, ignored)
    same = found.classes[:, None] == truth.classes
    free, left = ~ignored, np.ones(len(found), bool)
    pairs = []
    for allowed in (same, ~same):
        if allowed is not same:
            left &= ~(same & ignored & (overlap >= PARTNER)).any(axis=1)
        for place in np.argsort(-found.values, kind="stable"):
            among = np.where(allowed[place] & free, overlap[place], 0.0)
            if left[place] and len(among) and among.max() >= PARTNER:
                partner = int(among.argmax())
                pairs.append((int(truth.classes[partner]), int(found.classes[place])))
                free[partner] = left[place] = False
    pairs += [(background, int(kind)) for kind in found.classes[left]]
    pairs += [(int(kind), background) for kind in truth.classes[free]]
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    return rows, columns
