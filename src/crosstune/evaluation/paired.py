"""Is one model better than another on the same examples? Shapes: N examples, K outputs."""

from typing import Any

from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.evaluation.bootstrap import check_rows, resampled, with_interval
from crosstune.tasks.base import MetricSpec


def paired_difference(
    spec: MetricSpec,
    ours: NDArray[Any],
    theirs: NDArray[Any],
    targets: NDArray[Any],
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> Metric:
    """How much better ``ours`` is than ``theirs``, with a 95 % interval; positive is better.

    Both are scored on the same resampled examples, so what is hard for both cancels out: the interval is
    far narrower than the difference of two separate ones. Source: paired percentile bootstrap (Efron and
    Tibshirani 1993, chapter 13; Koehn 2004 for the comparison of two systems on one test set).

    Args:
        spec: the metric; where lower is better the sign is turned.
        ours: ``(N, K)`` head outputs.
        theirs: ``(N, K)`` head outputs on the same examples in the same order.
        targets: what ``task.encode`` gave for the N examples.
        seed: of the resamples.
        resamples: how many.

    Checked by: ``tests/evaluation/test_paired.py``: antisymmetric, and against the normal approximation.
    """
    check_rows(targets, ours, theirs)
    sign = 1.0 if spec.higher_is_better else -1.0
    first, second = spec.prepare(ours, targets), spec.prepare(theirs, targets)
    ours_drawn, theirs_drawn = resampled([spec, spec], [first, second], seed=seed, resamples=resamples)
    draws = sign * (ours_drawn - theirs_drawn)
    return with_interval(sign * (spec.reduce(*first) - spec.reduce(*second)), draws)
