"""How far predictions have moved: the Kullback-Leibler divergence of two sets of class probabilities.

Shapes: N examples, Z classes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from crosstune.core.metric import Metric
from crosstune.evaluation.bootstrap import resamples_of, with_interval


def divergence(
    before: NDArray[np.floating], after: NDArray[np.floating], *, seed: int = 0, resamples: int = 1000
) -> Metric:
    """Measure the mean ``KL(p before || p after)`` over examples, in nats, with its 95 % interval.

    0 for the same predictions. On inputs of the *new* task it foretells forgetting better than how far the
    weights moved (arXiv:2509.04259).

    Args:
        before: logits of the source classes by the pretrained model, ``(N, Z)``.
        after: by the tuned body under the same head, ``(N, Z)``.
        seed: of the resamples.
        resamples: how many.

    Raises:
        ValueError: the shapes differ, or there is no example.

    Checked by: ``tests/evaluation/test_divergence.py``.
    """
    if before.shape != after.shape or not len(before):
        raise ValueError(f"logits of shape {before.shape} before and {after.shape} after")
    first = log_softmax(before.astype(np.float64), axis=1)
    second = log_softmax(after.astype(np.float64), axis=1)
    rows = np.maximum((np.exp(first) * (first - second)).sum(axis=1), 0.0)
    draws = np.array(
        [rows[index].mean() for index in resamples_of(len(rows), seed=seed, resamples=resamples)]
    )
    return with_interval(float(rows.mean()), draws)
