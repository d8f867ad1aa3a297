"""Which examples are predicted wrongly, and which of those most surely. Shapes: N examples, K outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.evaluation.bootstrap import check_rows
from crosstune.tasks.base import Task
from crosstune.tasks.numerics import Floats, checked
from crosstune.tasks.structured import Structured


def confusion(task: Task, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.int64]:
    """Count examples by true class (row) and predicted class (column), ``(K, K)``.

    Only exclusive classes have one; for other targets the result is ``(0, 0)``.
    """
    check_rows(targets, outputs)
    if task.linear_kind() != "classes":
        return np.zeros((0, 0), dtype=np.int64)
    classes = task.outputs
    predicted = checked(outputs, classes).argmax(axis=1)
    cells = np.bincount(np.asarray(targets) * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def worst(task: Task, outputs: NDArray[Any], targets: NDArray[Any], most: int = 24) -> list[int]:
    """Positions of the worst examples, the worst first; only wrong ones.

    One label: wrong predictions by their confidence. Several labels: examples by their most confident
    wrong decision. Regression: by the absolute residual. Structured tasks: by their own measure.
    """
    check_rows(targets, outputs)
    if isinstance(task, Structured):
        found = task.badness(outputs, targets)
        badness = np.where(found > 0, found, -np.inf)
    else:
        values = checked(outputs, task.outputs)
        badness = _badness(task.linear_kind(), values, np.asarray(targets))
    order = np.argsort(-badness, kind="stable")[:most]
    return [int(position) for position in order if np.isfinite(badness[position])]


def _badness(kind: str, values: Floats, targets: NDArray[Any]) -> Floats:
    """How bad each example is, ``(N,)``; minus infinity where it is right."""
    if kind == "values":
        residuals = np.abs(values[:, 0] - targets)
        return np.where(residuals > 0, residuals, -np.inf)
    if kind == "multi-label":
        wrong = (values > 0) != (targets > 0.5)
        surest: Floats = np.where(wrong, np.abs(values), -np.inf).max(axis=1)
        return surest
    # Odds against the predicted class keep the order where several probabilities round to 1.
    odds = np.exp(values - values.max(axis=1, keepdims=True))
    predicted = values.argmax(axis=1)
    odds[np.arange(len(odds)), predicted] = 0.0
    return np.where(predicted != targets, -odds.sum(axis=1), -np.inf)
