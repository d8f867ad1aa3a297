"""Test rows that training or validation has as well, equal or nearly equal; and figures without them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.evaluation.scores import score
from crosstune.stages.prepare import Prepared

FEWEST = 10
"""Test rows that must be left for figures without leaks."""


def leaked_rows(prepared: Prepared) -> NDArray[np.bool_]:
    """Say for each test row whether a training or validation row has its content, or nearly."""
    alike = prepared.data.alike
    if not {"train", "validation", "test"} <= alike.keys():
        return np.zeros(len(prepared.items["test"]), np.bool_)
    return np.isin(alike["test"], np.concatenate([alike["train"], alike["validation"]]))


def without_leaks(prepared: Prepared, outputs: NDArray[Any]) -> tuple[int, dict[str, Metric]]:
    """Return how many test rows are leaked, and the figures on the others; empty without leaks.

    Checked by: ``tests/stages/test_leaks.py``.
    """
    leaked = leaked_rows(prepared)
    count = int(leaked.sum())
    if not count or len(leaked) - count < FEWEST:
        return count, {}
    return count, score(prepared.task, outputs[~leaked], prepared.encoded["test"][~leaked])
