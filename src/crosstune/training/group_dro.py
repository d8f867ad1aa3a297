"""GroupDRO: domains on which the model is worse count for more."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def initial_weights(groups: int) -> NDArray[np.float64]:
    """Return ``(G,)`` equal weights that sum to one."""
    return np.full(groups, 1.0 / groups)


def updated_weights(
    weights: NDArray[np.float64], losses: Sequence[float], present: Sequence[bool], step: float
) -> NDArray[np.float64]:
    """Return ``q_g exp(step * loss_g)``, normalised to sum to one, over the domains of one effective batch.

    Args:
        weights: ``(G,)``, ``q`` before the batch.
        losses: ``(G,)``, the mean loss of each domain in the batch.
        present: ``(G,)``: whether it has examples there; others keep their ``q`` but for the normalisation.
        step: ``eta``; 0.01 in the paper.

    Returns:
        ``(G,)``; with a loss that is not finite, ``weights`` as they are.

    Source: Sagawa et al. (2020), arXiv:1911.08731, algorithm 1.
    Checked by: ``tests/training/test_group_dro.py``.
    """
    known = np.where(np.asarray(present), np.asarray(losses, dtype=np.float64), 0.0)
    if not np.isfinite(known).all():
        return weights
    scaled = step * known
    raised = weights * np.exp(scaled - scaled.max())  # the largest factor is one: none overflows
    return np.asarray(raised / raised.sum())
