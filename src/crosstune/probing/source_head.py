"""LEEP and NCE: how well the classes a model was trained on foretell the new ones.

Only for models with a classifier of their own, and only for classes. Both shift with the number of classes,
so figures of two data sets are never compared. Shapes: N rows, Z source classes, C classes.
"""

import numpy as np
from numpy.typing import NDArray


def leep(probabilities: NDArray[np.floating], classes: NDArray[np.integer]) -> float:
    """Measure the log expected empirical prediction, in nats; 0 is perfect, about -ln C is chance.

    ``mean_i ln sum_z P(y_i | z) p_iz`` with ``P(y | z) = sum_{i: y_i = y} p_iz / sum_i p_iz``
    (Nguyen 2020, arXiv:2002.12462).

    Args:
        probabilities: of the source classes, ``(N, Z)``, rows summing to one.
        classes: ``(N,)`` class indices.

    Raises:
        ValueError: the probabilities are not N rows of numbers in [0, 1].

    Checked by: ``tests/probing/test_source_head.py``.
    """
    theta = _checked(probabilities, classes)
    present, index = np.unique(classes, return_inverse=True)
    joint = np.zeros((len(present), theta.shape[1]))
    np.add.at(joint, index, theta)
    total = joint.sum(axis=0)
    given = np.divide(joint, total, out=np.zeros_like(joint), where=total > 0)
    expected = np.einsum("nz,nz->n", given[index], theta)
    return float(np.log(np.maximum(expected, np.finfo(np.float64).tiny)).mean())


def nce(probabilities: NDArray[np.floating], classes: NDArray[np.integer]) -> float:
    """Measure the negative conditional entropy ``-H(Y | Z)`` with z the likeliest source class, in nats.

    0 where the source class decides the class, ``-H(Y)`` where it says nothing (Tran 2019,
    arXiv:1908.08142). Arguments and errors as for :func:`leep`.
    """
    theta = _checked(probabilities, classes)
    index = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    source = theta.argmax(axis=1)
    pairs = np.unique(index * theta.shape[1] + source, return_counts=True)[1]
    sources = np.unique(source, return_counts=True)[1]
    count = len(theta)
    both = -float((pairs / count * np.log(pairs / count)).sum())
    alone = -float((sources / count * np.log(sources / count)).sum())
    return alone - both


def _checked(probabilities: NDArray[np.floating], classes: NDArray[np.integer]) -> NDArray[np.float64]:
    theta = np.asarray(probabilities, np.float64)
    if theta.ndim != 2 or len(theta) != len(classes) or not len(theta):
        raise ValueError(f"source probabilities of shape {theta.shape} for {len(classes)} rows")
    if not (np.isfinite(theta).all() and theta.min() >= 0 and theta.max() <= 1 + 1e-3):
        raise ValueError("source probabilities must be numbers in [0, 1]")
    return theta
