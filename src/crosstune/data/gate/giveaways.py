"""Properties that should say nothing of the target, and give it away: file size, picture size, text length.

A small linear probe on such a property, cross-validated; compared with the same probe on permuted targets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.seeding import generator
from crosstune.data.gate.finding import WARNING, Finding

FEWEST, MOST = 100, 5_000
"""Rows that are needed, and rows that are sampled."""

FAR = 0.3
"""Share of the way from chance to certainty at which a warning begins. ASSUMED."""

_FOLDS, _BINS, _PERMUTATIONS = 5, 8, 10
_DEVIATIONS = 5.0
_MOST_CLASSES = 50


def sampled(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Choose at most ``MOST`` of the rows."""
    return np.sort(generator(0, "giveaways").permutation(rows)[:MOST]) if len(rows) > MOST else rows


def giveaway_findings(
    properties: Mapping[str, NDArray[np.float64]], targets: Sequence[Any], *, regression: bool
) -> list[Finding]:
    """Warn of every property from which a probe predicts the target far better than chance.

    Args:
        properties: name, as in "the file size", to ``(N,)`` or ``(N, D)`` values of the rows; see
            :func:`sampled` for large sets.
        targets: N targets: one class each, or numbers.
        regression: whether they are numbers.

    Cost: a few hundred least-squares problems of at most 5,000 rows: under a second.
    Checked by: ``tests/data/gate/test_giveaways.py``.
    """
    truth = _encoded(targets, regression)
    if truth is None or len(truth) < FEWEST:
        return []
    draw = generator(0, "giveaways")
    findings = []
    for name, found in properties.items():
        matrix = _binned(found.reshape(len(truth), -1))
        if matrix.shape[1] == 1:
            continue
        score = probe_score(matrix, truth, draw)
        chance = [probe_score(matrix, draw.permutation(truth), draw) for _ in range(_PERMUTATIONS)]
        level, spread = max(0.0, float(np.mean(chance))), float(np.std(chance))
        if score > level + _DEVIATIONS * spread and (score - level) / (1 - level) >= FAR:
            findings.append(_finding(name, score, level, regression=regression))
    return findings


def _finding(name: str, score: float, level: float, *, regression: bool) -> Finding:
    what = "R squared" if regression else "balanced accuracy"
    return Finding(
        severity=WARNING,
        code="giveaway",
        sentence=f"{name} alone predicts the target: {what} {score:.2f} by a linear probe, "
        f"{level:.2f} by chance",
        fix="find out why (classes from different sources, cameras, exports?): a model may learn just that",
    )


def _encoded(targets: Sequence[Any], regression: bool) -> NDArray[np.float64] | None:
    """Return ``(N, K)``: one column of scaled numbers, or one-hot classes; ``None`` for nothing to probe."""
    if not len(targets) or any(isinstance(value, list) for value in targets):
        return None
    result: NDArray[np.float64]
    if regression:
        numbers = np.array([float(value) for value in targets])
        # Ranks: one enormous value must not decide.
        ranks = np.argsort(np.argsort(numbers, kind="stable"), kind="stable").astype(np.float64)
        result = ((ranks - ranks.mean()) / max(ranks.std(), 1e-12))[:, None]
        return result
    names, codes = np.unique([str(value) for value in targets], return_inverse=True)
    if not 2 <= len(names) <= _MOST_CLASSES:
        return None
    result = np.eye(len(names))[codes]
    return result


def _binned(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut every column into eighths; returns an intercept and one indicator for each part but the first."""
    columns = [np.ones(len(found))]
    for values in found.T:
        edges = np.unique(np.quantile(values, np.arange(1, _BINS) / _BINS))
        place = np.searchsorted(edges, values, side="right")
        columns += [(place == number).astype(np.float64) for number in np.unique(place)[1:]]
    return np.stack(columns, axis=1)


def probe_score(matrix: NDArray[np.float64], truth: NDArray[np.float64], draw: np.random.Generator) -> float:
    """Return the cross-validated balanced accuracy (several columns) or R squared (one) of a ridge probe."""
    fold = draw.permutation(len(truth)) % _FOLDS
    weight = (
        (truth / np.maximum(truth.sum(axis=0), 1.0)).sum(axis=1)
        if truth.shape[1] > 1
        else np.ones(len(truth))
    )
    outputs = np.zeros_like(truth)
    for number in range(_FOLDS):
        inside, outside = fold != number, fold == number
        scaled = matrix[inside] * weight[inside, None]
        gram = scaled.T @ matrix[inside]
        gram += 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram))
        outputs[outside] = matrix[outside] @ np.linalg.solve(gram, scaled.T @ truth[inside])
    if truth.shape[1] == 1:
        return float(1 - ((truth - outputs) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())
    hits = (outputs.argmax(axis=1) == truth.argmax(axis=1)).astype(np.float64)
    share = (truth * hits[:, None]).sum(axis=0) / np.maximum(truth.sum(axis=0), 1.0)
    return float(share[truth.sum(axis=0) > 0].mean())
