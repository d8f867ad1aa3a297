"""Figures of the boxes that people are shown, and the score from which on showing them is best.

Shapes: N pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks.base import MetricSpec
from crosstune.tasks.box_matching import Matched
from crosstune.tasks.box_metrics import Judge

Floats = NDArray[np.float64]

_ALL, _HALF = 0, 0
"""Places of the range of area and of the overlap (0.5) that are looked at."""


@dataclass(frozen=True)
class Threshold:
    """A score, and what the boxes from it on are worth."""

    score: float
    f1: float


def shown_metrics(judge: Judge, least: float) -> Mapping[str, MetricSpec]:
    """Give ``precision-50``, ``recall-50`` and ``f1-50`` of the boxes whose score is not below ``least``.

    Over the boxes of all classes together, at an overlap of 0.5: precision = right / found, recall =
    right / there, F1 = 2 right / (found + there). Found boxes on ignored objects are not counted. NaN
    where the denominator is 0.

    Checked by: ``tests/tasks/test_shown_boxes.py``, by hand and by brute force.
    """
    weights = {"precision-50": (1.0, 1.0, 0.0), "recall-50": (1.0, 0.0, 1.0), "f1-50": (2.0, 1.0, 1.0)}
    return {
        name: MetricSpec(
            name=name,
            higher_is_better=True,
            prepare=partial(_counts, judge, least),
            reduce=partial(_ratio, *parts),
        )
        for name, parts in weights.items()
    }


def best_threshold(judge: Judge, answers: NDArray[Any], truth: NDArray[Any]) -> Threshold | None:
    """Choose the score from which on F1 (:func:`shown_metrics`) is largest; ``None`` without a right box.

    It lies midway between the least score that is shown and the next one below, so that rounding moves no
    box over it; of equals the largest is chosen, which shows fewest boxes. Boxes choose their partners in
    the order of their scores, so that leaving the improbable ones out changes nothing for the others: one
    sorting gives every F1.

    Args:
        judge: of the task.
        answers: packed boxes with scores, ``(N,)``.
        truth: packed boxes, ``(N,)``.

    Cost: O(n log n) for n found boxes.
    Checked by: ``tests/tasks/test_shown_boxes.py``, against every threshold.
    """
    pictures = judge(answers, truth).pictures
    scores = np.concatenate([np.zeros(0), *(one.scores[_found(one)] for one in pictures)])
    right = np.concatenate([np.zeros(0), *(one.right[_ALL, _HALF][_found(one)] for one in pictures)])
    there = sum(int(one.counted[_ALL].sum()) for one in pictures)
    if not right.any():
        return None
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.cumsum(right[order])
    last = np.flatnonzero(np.append(scores[:-1] > scores[1:], True))  # equal scores are shown together
    f1 = 2 * hits[last] / (last + 1 + there)
    best = int(np.argmax(f1))
    least = float(scores[last[best]])
    below = float(scores[last[best] + 1]) if best + 1 < len(last) else 0.0
    return Threshold(score=(least + below) / 2, f1=float(f1[best]))


def _found(one: Matched) -> NDArray[np.bool_]:
    return np.asarray(~one.ignored[_ALL, _HALF])


def _counts(
    judge: Judge, least: float, answers: NDArray[Any], truth: NDArray[Any]
) -> tuple[Floats, Floats, Floats]:
    """Count of each picture the right, the found and the true boxes."""
    rows = []
    for one in judge(answers, truth).pictures:
        shown = _found(one) & (one.scores >= least)
        rows.append((one.right[_ALL, _HALF][shown].sum(), shown.sum(), one.counted[_ALL].sum()))
    right, found, there = np.array(rows, np.float64).reshape(-1, 3).T
    return right, found, there


def _ratio(
    times: float, of_found: float, of_there: float, right: Floats, found: Floats, there: Floats
) -> float:
    whole = of_found * found.sum() + of_there * there.sum()
    return float(times * right.sum() / whole) if whole else float("nan")
