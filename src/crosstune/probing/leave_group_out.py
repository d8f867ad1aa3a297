"""Ridge predictions for every row by a head that has not seen the row, or not its whole group.

With the hat matrix H of a ridge fit, the residuals of the rows G of a head fitted without them are
``(I - H_GG)^-1 r_G`` (for one row, Allen's PRESS 1974): exact, from one fit on all rows. Near-duplicates in
one group (frames of one film, texts of one author) would otherwise answer for each other.

Shapes: N rows, K outputs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import BadValue, shown
from crosstune.probing.system import System


def group_indices(groups: Sequence[object] | NDArray[np.generic] | None, rows: int) -> NDArray[np.intp]:
    """Number the groups 0, 1, ... in the order of their first rows, ``(N,)``; ``None``: each row is its own.

    Raises:
        BadValue: all rows are one group, so nothing is left to fit on.
        ValueError: not N of them.
    """
    if groups is None:
        return np.arange(rows)
    if len(groups) != rows:
        raise ValueError(f"{len(groups)} groups for {rows} rows")
    known: dict[object, int] = {}
    found = np.array([known.setdefault(one, len(known)) for one in groups], dtype=np.intp)
    if rows > 1 and len(known) < 2:
        raise BadValue(
            "one group holds all rows, so no row can be predicted from the others",
            found=f"the group {shown(known)} for all {rows} rows",
            expected="at least two groups",
            fix="name another column of groups, or none",
        )
    return found


def left_out(
    system: System,
    targets: NDArray[np.float64],
    penalty: float,
    groups: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Predict each row with a ridge head that was fitted without the row's group.

    Args:
        system: the features.
        targets: ``(N, K)``.
        penalty: > 0, in rows. The intercept is not penalised, and is the heads' own.
        groups: ``(N,)`` from :func:`group_indices`; ``None``: each row is its own group.

    Returns:
        ``(N, K)``, in the units of the targets. With one row in all, its own target's mean.

    Cost: that of ``System.hat``; 2 N min(N, D) K multiplications; n^2 D + n^3 for a group of n rows.
    Checked by: ``tests/probing/test_leave_group_out.py``, against as many refits, with N above and below D.
    """
    mean = targets.mean(axis=0)
    hat = system.hat(penalty)
    residual = hat.residuals(targets - mean)
    error = residual / np.maximum(hat.diagonal(), np.finfo(np.float64).tiny)[:, None]
    for rows in _several(groups):
        error[rows] = _solved(hat.between(rows), residual[rows])
    found: NDArray[np.float64] = targets - error
    return found


def share_intercept(
    predicted: NDArray[np.float64], targets: NDArray[np.float64], groups: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Replace the intercepts of the heads in :func:`left_out` by the one of all rows.

    The mean of all other rows lies above the mean exactly where a row lies below it. Where features say
    little, that alone would give a correlation of -1, and an accuracy below that of any constant answer.
    What is learnt from features stays that of a head which has not seen the row.
    """
    centred = targets - targets.mean(axis=0)
    if groups is None:
        return np.asarray(predicted + centred / max(1, len(targets) - 1))
    sizes = np.bincount(groups)
    sums = np.zeros((len(sizes), targets.shape[1]))
    np.add.at(sums, groups, centred)
    shift: NDArray[np.float64] = (sums / np.maximum(1, len(targets) - sizes)[:, None])[groups]
    found: NDArray[np.float64] = predicted + shift
    return found


def _several(groups: NDArray[np.intp] | None) -> list[NDArray[np.intp]]:
    """List the rows of every group that has more than one."""
    if groups is None:
        return []
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(groups))[:-1])
    return [rows for rows in parts if len(rows) > 1]


def _solved(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve; a matrix that rounding made singular gets the least solution."""
    try:
        return np.linalg.solve(matrix, right).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(matrix, right, rcond=None)[0])
