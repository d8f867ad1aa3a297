"""What a linear probe reads from features on an unrelated set, before and after training.

Shapes: N examples, D columns, C classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.core.seeding import generator
from crosstune.probing.matrix import Matrix
from crosstune.probing.ridge import ridge_loo

RESAMPLES = 1000


@dataclass(frozen=True, kw_only=True)
class ProbeDrop:
    """The accuracy of the probe, and how much of it is gone."""

    before: Metric
    after: Metric
    drop: Metric
    """before - after, on the same resampled examples; positive is forgotten."""


def probe_hits(features: NDArray[np.floating], classes: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Say for each example whether ridge regression without it answers its class, ``(N,)``.

    The probe is that of the closed-form heads (``ridge.py``): columns standardised, penalty by leave-one-out
    squared error, exact leave-one-out answers.

    Args:
        features: ``(N, D)``.
        classes: ``(N,)``.

    Cost: N^3 for N <= D: 0.1 s for 300 examples.
    Checked by: ``tests/probing/test_probe_drop.py``: N refits.
    """
    names, index = np.unique(classes, return_inverse=True)
    if len(names) < 2:
        return np.ones(len(index), np.bool_)
    values = np.ascontiguousarray(features, np.float32)
    fit = ridge_loo(Matrix(((values,),)), np.eye(len(names))[index])
    found: NDArray[np.bool_] = fit.left_out.argmax(axis=1) == index[fit.rows]
    return found


def probe_drop(before: NDArray[np.bool_], after: NDArray[np.bool_], *, seed: int = 0) -> ProbeDrop:
    """Compare the hits of two bodies on the same examples, by 95 % intervals; that of the drop is paired.

    Raises:
        ValueError: the numbers of examples differ, or there is none.
    """
    if before.shape != after.shape or not len(before):
        raise ValueError(f"{len(before)} answers before and {len(after)} after")
    count = len(before)
    rows = generator(seed, "probe drop").integers(0, count, (RESAMPLES, count))
    first, second = before[rows].mean(axis=1), after[rows].mean(axis=1)
    return ProbeDrop(
        before=_interval(float(before.mean()), first),
        after=_interval(float(after.mean()), second),
        drop=_interval(float(before.mean()) - float(after.mean()), first - second),
    )


def kept_share(before: list[float], after: list[float]) -> float:
    """Average ``after / before`` over sets: the share of the base model's probe accuracy that is kept.

    A set that the base model answers never right says nothing and is left out; 1 where that leaves none.
    A set that has become better weighs against one that has become worse.
    """
    shares = [new / old for old, new in zip(before, after, strict=True) if old > 0]
    return float(np.mean(shares)) if shares else 1.0


def _interval(value: float, draws: NDArray[np.floating]) -> Metric:
    low, high = np.percentile(draws, [2.5, 97.5]).tolist()
    return Metric(value, low, high)
