"""Class weights and balancing losses, for heads that are fitted without them."""

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import BadValue
from crosstune.core.settings import Settings
from crosstune.tasks.base import Task
from crosstune.tasks.class_weights import class_weights, effective_number, named_weights


def class_shift(task: Task, settings: Settings, targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what the settings add to calibrated logits so that classes count as they ask, ``(K,)``.

    Training with weight w_k on class k aims at probabilities proportional to ``w_k p_k``; calibrated logits
    get there by adding ``log w_k`` (Menon 2021, arXiv:2007.07314, section 3). ``class_weights`` and the loss
    ``class-balanced`` give the weights; the loss ``logit-adjusted`` weighs by one over the class's share.
    Other losses change nothing here. Labels of a multi-label target are fitted one by one, so a weight on
    a label moves nothing either.

    Args:
        task: gives the class names.
        settings: ``class_weights`` and ``loss`` are read.
        targets: ``(N, K)`` linear targets of the training rows.

    Raises:
        BadValue: weights that the kind of target does not take.
        UnknownName: a weight is given for an unknown class.
    """
    zero = np.zeros(targets.shape[1])
    if task.linear_kind() == "classes":
        counts = targets.sum(axis=0)
        weights = class_weights(settings.class_weights, counts, _names(task, len(zero)))
        if settings.loss == "class-balanced":
            weights = weights * effective_number(counts)
        if settings.loss == "logit-adjusted":
            weights = weights * counts.sum() / np.maximum(counts, 1)
        logs: NDArray[np.float64] = np.log(weights)
        shift: NDArray[np.float64] = logs - logs.mean()
        return shift
    if settings.class_weights == "none":
        return zero
    if task.linear_kind() == "multi-label" and not isinstance(settings.class_weights, str):
        named_weights(settings.class_weights, _names(task, len(zero)))
        return zero
    raise BadValue(
        "class weights do not fit these targets",
        found=f"class_weights={settings.class_weights} for {task.linear_kind()} targets",
        expected="class_weights=none, or for several labels weights by name",
        fix="leave class_weights out",
    )


def _names(task: Task, count: int) -> list[str]:
    labels = task.hub_config()["id2label"]
    return [str(labels[index]) for index in range(count)]
