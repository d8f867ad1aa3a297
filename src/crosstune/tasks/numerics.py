"""Probabilities from head outputs, in float64. Shapes: N examples, K outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks.errors import NonFiniteOutputs

Floats = NDArray[np.float64]


def checked(outputs: NDArray[Any], width: int) -> Floats:
    """Return ``(N, K)`` outputs in float64.

    Raises:
        ValueError: the shape is not ``(N, width)``.
        NonFiniteOutputs: an output is NaN or infinite.
    """
    values: Floats = np.asarray(outputs, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != width:
        raise ValueError(f"outputs must have the shape (N, {width}), got {values.shape}")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise NonFiniteOutputs(int((~finite).sum()), len(values))
    return values


def log_softmax(outputs: Floats) -> Floats:
    """Log-probabilities of K exclusive classes, ``(N, K)``."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def softmax(outputs: Floats) -> Floats:
    """Probabilities of K exclusive classes, ``(N, K)``; each row sums to 1."""
    result: Floats = np.exp(log_softmax(outputs))
    return result


def log_sigmoid(outputs: Floats) -> Floats:
    """Log-probabilities of K independent labels, without overflow at either end."""
    result: Floats = -np.logaddexp(0.0, -outputs)
    return result


def sigmoid(outputs: Floats) -> Floats:
    """Probabilities of K independent labels."""
    result: Floats = np.exp(log_sigmoid(outputs))
    return result
