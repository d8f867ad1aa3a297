"""Labels that are probably wrong, by confident learning on left-out predictions: listed, never changed.

Northcutt 2021 (arXiv:1911.00068), as the package cleanlab has it ("prune by noise rate"). Each class's mean
left-out probability is the bar from which a row counts as confidently of that class; counts of (given,
confident) pairs estimate how many labels of each kind are wrong; so many rows, with the largest margins,
are the suspects. Written here because it is forty lines on arrays that are at hand.

Shapes: N rows, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 5
"""Classes with fewer rows give no suspects and are never suggested: left-out predictions hardly know them."""

ROUNDING = 1e-6
"""Differences below this are none."""


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A row whose label is probably wrong."""

    row: int
    given: int
    """Index of the class in the data."""
    suggested: int
    """Index of the class that the others point to."""
    margin: float
    """Probability of the suggested class less that of the given one, in (0, 1]."""


def find_suspects(
    probabilities: NDArray[np.floating], classes: NDArray[np.integer], *, fewest: int = FEWEST
) -> list[Suspect]:
    """List rows whose labels are probably wrong, the largest margin first.

    Args:
        probabilities: ``(N, K)``, calibrated, of each row by a head that has not seen it, as softmax of
            ``ModelScores.outputs``.
        classes: ``(N,)`` given class indices.
        fewest: rows that a class needs.

    Where fewer than two classes have enough rows there are no suspects. About as many are listed as labels
    are estimated to be wrong; with clean labels and a weak model these are the hard rows.

    Raises:
        ValueError: the shapes do not fit, or a probability is not a number.

    Cost: a few passes over N K values.
    Checked by: ``tests/probing/test_suspects.py``, against what cleanlab 2.9 gave.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or len(p) != len(classes) or not np.isfinite(p).all():
        raise ValueError(f"probabilities of shape {p.shape}, all finite, for {len(classes)} rows")
    counts = np.bincount(classes, minlength=p.shape[1])
    known = np.flatnonzero(counts >= fewest)
    rows = np.flatnonzero(counts[classes] >= fewest)
    if len(known) < 2:
        return []
    p, given = p[np.ix_(rows, known)], np.searchsorted(known, classes[rows])
    wrong = _estimated_wrong(p, given)
    found = [
        Suspect(row=int(rows[row]), given=int(known[i]), suggested=int(known[j]), margin=margin)
        for row, i, j, margin in _largest(p, given, wrong)
    ]
    return sorted(found, key=lambda one: (-one.margin, one.row))


def _estimated_wrong(p: NDArray[np.float64], given: NDArray[np.integer]) -> NDArray[np.int64]:
    """Estimate how many rows given i are of class j, ``(K, K)``; rows sum to the classes' counts."""
    width = p.shape[1]
    counts = np.bincount(given, minlength=width)
    bar = np.bincount(given, weights=p[np.arange(len(p)), given], minlength=width) / counts
    confident = np.where(p >= bar - ROUNDING, p, -1.0)
    sure = confident.max(axis=1) >= 0
    joint = np.zeros((width, width))
    np.add.at(joint, (given[sure], confident.argmax(axis=1)[sure]), 1)
    np.fill_diagonal(joint, np.maximum(np.diagonal(joint), 1))
    return _rounded(joint / joint.sum(axis=1, keepdims=True) * counts[:, None])


def _rounded(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round each row so that its sum stays: the largest remainders go up."""
    whole = np.floor(shares + ROUNDING).astype(np.int64)
    missing = np.rint(shares.sum(axis=1)).astype(np.int64) - whole.sum(axis=1)
    place = np.argsort(np.argsort(whole - shares, axis=1, kind="stable"), axis=1)
    return np.asarray(whole + (place < missing[:, None]))


def _largest(
    p: NDArray[np.float64], given: NDArray[np.integer], wrong: NDArray[np.int64]
) -> Iterator[tuple[int, int, int, float]]:
    """Yield (row, given, likeliest class, margin) of the rows with the largest margins of each pair."""
    likeliest, chosen = p.argmax(axis=1), np.zeros(len(p), dtype=np.bool_)
    for i, j in zip(*np.nonzero(wrong), strict=True):
        if i != j:
            rows = np.flatnonzero(given == i)
            margins = p[rows, j] - p[rows, i]
            chosen[rows[np.argsort(-margins, kind="stable")[: wrong[i, j]]]] = True
    for row in np.flatnonzero(chosen & (likeliest != given)):
        i, j = int(given[row]), int(likeliest[row])
        yield int(row), i, j, float(p[row, j] - p[row, i])
