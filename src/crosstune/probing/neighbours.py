"""What the nearest other rows say: k nearest neighbours by cosine, each row left out.

No fit and no penalty: the answer depends on how features lie, and so on something else than a linear head.
Shapes: N rows, D columns, K outputs.
"""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

NEIGHBOURS = 20
"""PRIOR: as DINO's evaluation has it (Caron 2021, arXiv:2104.14294)."""

TEMPERATURE = 0.07
"""PRIOR: as DINO's evaluation has it: a neighbour at cosine s counts exp(s / 0.07)."""

CHUNK_VALUES = 8_000_000
"""Similarities held at once, in float32."""


def neighbour_means(
    features: NDArray[np.floating],
    targets: NDArray[np.float64],
    *,
    gram: NDArray[np.float64] | None = None,
    groups: NDArray[np.intp] | None = None,
    neighbours: int = NEIGHBOURS,
    temperature: float = TEMPERATURE,
) -> NDArray[np.float64]:
    """Average the targets of the most similar other rows, weighted by ``exp(cosine / temperature)``.

    Args:
        features: ``(N, D)``. A row of zeros is like no other, and no other is like it.
        targets: ``(N, K)``: one-hot, multi-hot or scaled values.
        gram: ``features @ features.T``, where it is known.
        groups: ``(N,)`` from ``leave_group_out.group_indices``: rows of one group do not vote for each other.
        neighbours: how many vote; fewer where fewer are left.
        temperature: > 0.

    Returns:
        ``(N, K)``: shares of the votes, or weighted means. A row without any neighbour gets the mean of the
        other rows; the only row gets its own target, as there is nothing else.

    Cost: N^2 D multiplications in float32, 0.2 s on two cores for 2,000 x 3,120. Memory: 32 MB beside the
    features.
    Checked by: ``tests/probing/test_neighbours.py``, against scikit-learn.
    """
    count = len(features)
    length = np.linalg.norm(features, axis=1).astype(np.float32)
    nothing = length == 0
    safe = np.where(nothing, np.float32(1.0), length)
    unit = features / safe[:, None] if gram is None else features
    unit = unit.astype(np.float32, copy=False)
    alike = np.arange(count) if groups is None else groups
    found = np.empty((count, targets.shape[1]))
    size = max(1, CHUNK_VALUES // max(1, count))
    for start in range(0, count, size):
        rows = slice(start, min(start + size, count))
        if gram is None:
            similarity = unit[rows] @ unit.T
        else:
            similarity = (gram[rows] / safe[rows, None] / safe).astype(np.float32)
        similarity[alike[rows, None] == alike[None, :]] = -np.inf
        similarity[:, nothing] = -np.inf
        similarity[nothing[rows]] = -np.inf
        found[rows] = _votes(similarity, min(neighbours, count), temperature) @ targets
    alone = _alone(alike, nothing)
    others = (targets.sum(axis=0) - targets) / (count - 1) if count > 1 else targets
    found[alone] = others[alone]
    return found


def _votes(similarity: NDArray[np.float32], most: int, temperature: float) -> scipy.sparse.csr_matrix:
    """Weigh the nearest; each row of ``(n, N)`` sums to one, or is empty."""
    count = len(similarity)
    nearest = np.argpartition(similarity, -most, axis=1)[:, -most:]
    values = np.take_along_axis(similarity, nearest, axis=1).astype(np.float64)
    highest = values.max(axis=1, keepdims=True)
    weight = np.exp((values - np.where(np.isfinite(highest), highest, 0.0)) / temperature)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    places = (weight.ravel(), (np.repeat(np.arange(count), most), nearest.ravel()))
    return scipy.sparse.csr_matrix(places, shape=similarity.shape)


def _alone(alike: NDArray[np.intp], nothing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which rows have no other row that may vote for them, ``(N,)``."""
    voters = np.bincount(alike[~nothing], minlength=int(alike.max(initial=0)) + 1)
    return np.asarray(nothing | (voters[alike] == int(voters.sum())), dtype=np.bool_)


def neighbour_outputs(
    kind: str, means: NDArray[np.float64], targets: NDArray[np.float64], *, neighbours: int = NEIGHBOURS
) -> NDArray[np.float64]:
    """Turn shares of votes into what a head would give: log shares, log odds, or values as they are.

    One more vote is cast by all rows together, in the shares of the classes (labels), so that a class
    without a vote has a finite logit.

    Args:
        kind: ``classes``, ``multi-label`` or ``values``.
        means: ``(N, K)`` of :func:`neighbour_means`.
        targets: ``(N, K)``.
        neighbours: how many voted.
    """
    if kind == "values":
        return means
    least = 1 / (2 * max(1, len(targets)))
    prior = np.clip(targets.mean(axis=0), least, 1 - least)
    share = (neighbours * means + prior) / (neighbours + 1)
    if kind == "classes":
        return np.asarray(np.log(share))
    return np.asarray(np.log(share) - np.log1p(-share))
