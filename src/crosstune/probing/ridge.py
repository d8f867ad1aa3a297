"""Ridge regression on frozen features, with exact leave-one-out predictions for a path of penalties.

Columns are standardised first (``matrix.measure_scale``), so a penalty is counted in rows: a penalty of 100
weighs as much as 100 extra rows that say "no effect". The intercept is not penalised. With
``H = 1/N + X (X'X + penalty I)^-1 X'`` the prediction for row i of a head fitted on all other rows is
``y_i - (y_i - yhat_i) / (1 - H_ii)`` (Allen's PRESS, 1974), exact for a fixed scale of the columns.

Shapes: N rows, D columns, K outputs, S scored rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.core.seeding import generator
from crosstune.probing.leave_one_out import SCORED_WORK, Candidate, Dual, Primal, cholesky, solve
from crosstune.probing.matrix import Matrix, Standardised, measure_scale
from crosstune.probing.moments import Moments, measure_moments

PENALTIES = np.logspace(-3, 6, 10)
"""The grid, in rows (see above)."""

SCORED_ROWS = 20_000
"""They are made for at most this many rows: the metric is known to 0.3 points by then."""

SCORED_VALUES = 2e9
"""They are also held below this / (D K) rows, so that a thousand classes stay affordable."""

WIDE = 1500
"""Above this many columns the grid is searched in two steps: every second penalty from the largest down
until the score falls, then the neighbours of the best."""

STEPS = 6
"""About as many penalties that search tries."""

SEARCHED_ROWS = 2000
"""Above ``WIDE`` columns penalties are compared on at most so many left-out rows; all scored rows are
answered at the best alone. The scores are paired, and flat around the best."""

Score = Callable[[NDArray[np.float64], NDArray[np.intp]], float]
"""(outputs ``(S, K)``, indices of the S rows) to a figure; higher is better."""


@dataclass(frozen=True)
class RidgeFit:
    """The head whose penalty scored best."""

    weight: NDArray[np.float64]
    """``(K, D)`` on raw features."""
    bias: NDArray[np.float64]
    """``(K,)``."""
    penalty: float
    rows: NDArray[np.intp]
    """The S scored rows, ascending."""
    left_out: NDArray[np.float64]
    """``(S, K)``: what a head fitted without row i says about row i."""
    scores: dict[float, float]
    """Leave-one-out score of each penalty that was tried, on at most ``SEARCHED_ROWS`` rows where wide."""


def negative_squared_error(targets: NDArray[np.float64]) -> Score:
    """Score by minus the mean squared error against ``targets`` ``(N, K)``."""

    def score(outputs: NDArray[np.float64], rows: NDArray[np.intp]) -> float:
        return -float(np.mean((outputs - targets[rows]) ** 2))

    return score


def ridge_loo(
    matrix: Matrix,
    targets: NDArray[np.float64],
    *,
    score: Score | None = None,
    penalties: NDArray[np.float64] = PENALTIES,
    seed: int = 0,
    moments: Moments | None = None,
    most_rows: int = SCORED_ROWS,
) -> RidgeFit:
    """Fit a ridge head and choose its penalty by leave-one-out.

    Args:
        matrix: features, N rows.
        targets: ``(N, K)``: one-hot, multi-hot or scaled values.
        score: the user's metric on leave-one-out outputs; ``None`` is the squared error. On a tie the
            larger penalty wins.
        penalties: the grid, ascending.
        seed: of the draw of the scored rows, where not all are scored.
        moments: moments of the same rows, where they are known already.
        most_rows: how many rows are scored at most.

    With N > D the D x D system is decomposed once, or, for a few thousand columns, factorised for each
    penalty (Cholesky): see ``leave_one_out.cheaper``. Otherwise the N x N Gram is decomposed once.
    Cost: N D^2 / 2 multiplications, and an eigendecomposition, about 9 D^3, with S D^2; above ``WIDE``
    columns about 7 (D^3 / 6 + 1,000 D^2) + S D^2 / 2. S <= 5e10 / D^2. Memory: D^2 in float64, one chunk of
    rows and the scored rows twice.
    Checked by: N refits, tests/probing/test_ridge.py.
    """
    scale = moments.scale if moments else measure_scale(matrix)
    rows = scored_rows(matrix.rows, matrix.width, targets.shape[1], seed, most_rows)
    figure = score or negative_squared_error(targets)
    if matrix.rows > matrix.width:
        known = moments or measure_moments(Standardised(matrix, scale), targets)
        wide, most = matrix.width > WIDE, min(most_rows, SEARCHED_ROWS)
        few = scored_rows(matrix.rows, matrix.width, targets.shape[1], seed, most) if wide else rows
        asked = STEPS if wide else len(penalties)
        path = Primal(known, matrix, targets, few, penalties=asked)
        best, scores = _search(path, figure, few, penalties, wide=wide)
        if len(few) < len(rows):
            # The factor is made once more: to keep one for each penalty costs D^2 each.
            best = Primal(known, matrix, targets, rows)(best.penalty)
    else:
        best, scores = _search(Dual(matrix, scale, targets, rows), figure, rows, penalties)
    weight, bias = scale.fold(best.weight, targets.mean(axis=0))
    return RidgeFit(weight, bias, best.penalty, rows, best.left_out, scores)


def ridge_solve(
    matrix: Matrix, targets: NDArray[np.float64], penalty: float, *, moments: Moments | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a ridge head at a known penalty: ``(K, D)`` weights and ``(K,)`` bias on raw features."""
    scale = moments.scale if moments else measure_scale(matrix)
    mean = targets.mean(axis=0)
    if matrix.rows > matrix.width:
        known = moments or measure_moments(Standardised(matrix, scale), targets)
        return scale.fold(solve(cholesky(known.gram, penalty), known.cross), mean)
    return scale.fold(Dual(matrix, scale, targets, np.arange(matrix.rows))(penalty).weight, mean)


def scored_rows(
    rows: int, width: int, outputs: int, seed: int, most_rows: int = SCORED_ROWS
) -> NDArray[np.intp]:
    """Choose the rows whose leave-one-out predictions are made: all, unless that is expensive."""
    most = min(SCORED_WORK / max(1, width) ** 2, SCORED_VALUES / max(1, width * outputs))
    count = min(rows, most_rows, max(2000, int(most)))
    if count == rows:
        return np.arange(rows)
    # A smaller draw lies within a larger one, so that heads can be compared on rows that all have answered.
    return np.sort(generator(seed, "leave-one-out").permutation(rows)[:count]).astype(np.intp)


_Path = Callable[[float], Candidate]


def _search(
    path: _Path, score: Score, rows: NDArray[np.intp], penalties: NDArray[np.float64], *, wide: bool = False
) -> tuple[Candidate, dict[float, float]]:
    """Try the penalties from the largest down; keep the first of equals."""
    best: Candidate | None = None
    scores: dict[float, float] = {}
    for penalty in search_order(penalties, scores, wide=wide):
        candidate = path(penalty)
        scores[penalty] = score(candidate.left_out, rows)
        if best is None or (scores[penalty], penalty) > (scores[best.penalty], best.penalty):
            best = candidate
    if best is None:
        raise ValueError("the grid of penalties is empty")
    return best, dict(sorted(scores.items()))


def search_order(
    penalties: NDArray[np.float64], scores: dict[float, float], *, wide: bool
) -> Iterator[float]:
    """Give the penalties to try, from the largest down; ``scores`` fills up between the steps."""
    grid = [float(penalty) for penalty in penalties]
    if not wide:
        yield from reversed(grid)
        return
    for penalty in reversed(grid[::2]):
        yield penalty
        if scores[penalty] < max(scores.values()):
            break
    best = grid.index(max(scores, key=lambda penalty: (scores[penalty], penalty)))
    yield from (grid[index] for index in (best + 1, best - 1) if 0 <= index < len(grid))
