"""How much worse a language model has become at its own task: the loss for each token, before and after.

Shapes: N texts.
"""

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.evaluation.bootstrap import resamples_of, with_interval


def loss_rise(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    tokens: NDArray[np.int64],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[Metric, Metric, Metric]:
    """Give the mean loss for each token before and after, and after - before, with 95 % intervals.

    Texts are drawn again, not tokens: those of one text depend on each other. Both models answer for the
    same draw, so that the interval of the rise is paired.

    Args:
        before: summed loss of each text by the base model, in nats, ``(N,)``.
        after: by the tuned body under the same head, ``(N,)``.
        tokens: predicted tokens of each text, ``(N,)``.
        seed: of the resamples.
        resamples: how many.

    Raises:
        ValueError: shapes differ, or a text has no token.

    Checked by: ``tests/evaluation/test_language_loss.py``.
    """
    if not before.shape == after.shape == tokens.shape or not len(tokens) or tokens.min() < 1:
        raise ValueError(
            f"losses {before.shape} and {after.shape} of {tokens.shape} texts, each with a token"
        )
    draws = np.array(
        [
            (before[index].sum(), after[index].sum(), tokens[index].sum())
            for index in resamples_of(len(tokens), seed=seed, resamples=resamples)
        ]
    )
    first, second = draws[:, 0] / draws[:, 2], draws[:, 1] / draws[:, 2]
    count = tokens.sum()
    old, new = float(before.sum() / count), float(after.sum() / count)
    return (
        with_interval(old, first), with_interval(new, second), with_interval(new - old, second - first),
    )  # fmt: skip
