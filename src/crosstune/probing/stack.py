"""Stacking: one linear head on all blocks, put together from a ridge head on each and one on all of them.

One penalty for all columns lets wide blocks drown narrow ones. Here every block keeps the penalty that suits
it, and what each is worth is found by non-negative least squares on leave-one-out answers (Breiman 1996,
stacked regressions; Wolpert 1992). The sum is again linear, so it costs nothing more to use.

Shapes: N training rows, S rows answered left out, D columns, K outputs, P parts.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.optimize import nnls

from crosstune.core.head import HeadWeights
from crosstune.core.seeding import generator
from crosstune.probing.adjustment import class_shift
from crosstune.probing.calibration import fit_scale
from crosstune.probing.candidates import FittedHead, Part, Problem, judged
from crosstune.probing.coordinates import Head
from crosstune.probing.depth import BlockFit
from crosstune.probing.matrix import FeatureBlocks, Matrix
from crosstune.probing.moments import Moments
from crosstune.probing.ridge import ridge_solve

Floats = NDArray[np.float64]

ROUNDING = 1e-10
"""Of the trace, added to the products of the answers: parts that answer alike stay solvable."""


def stack_candidate(
    problem: Problem, whole: FittedHead, blocks: Sequence[BlockFit], held_out: Matrix
) -> FittedHead | None:
    """Fit and judge the stack; ``None`` where no part is worth anything.

    Args:
        problem: what the candidates share.
        whole: ridge on all blocks.
        blocks: ridge on each block.
        held_out: all blocks of the validation rows.

    Cost: P^2 S K multiplications beyond the fits.
    Checked by: ``tests/probing/test_stack.py``, against least squares by brute force.
    """
    began = time.monotonic()
    if whole.left_out is None or whole.left_out_rows is None:
        raise ValueError("a stack needs the answers that ridge on all blocks gave to left-out rows")
    mean = problem.targets.mean(axis=0)
    rows = reduce(np.intersect1d, [one.fit.rows for one in blocks], whole.left_out_rows)
    undone = (whole.left_out - whole.shifts) / whole.scale
    answers = [_at(one.fit.rows, one.fit.left_out, rows) - mean for one in blocks]
    answers.append(_at(whole.left_out_rows, undone, rows) - mean)
    shares = worth(answers, problem.targets[rows] - mean)
    if not shares.any():
        return None
    own = whole.head.weight / whole.scale, (whole.head.bias - whole.shifts) / whole.scale
    width = whole.head.weight.shape[1]
    members = [(one.columns, (one.fit.weight, one.fit.bias)) for one in blocks]
    members.append((slice(0, width), own))
    weight, bias = combined(members, shares, mean, width)
    left_out = mean + _crossed(answers, problem.targets[rows] - mean, problem.settings.seed)
    scale, shifts = fit_scale(problem.kind, left_out, problem.targets[rows])
    shifts = shifts + class_shift(problem.task, problem.settings, problem.targets)
    head = HeadWeights(
        features="all", kind="stack", penalty=whole.head.penalty,
        weight=scale * weight, bias=scale * bias + shifts,
    )  # fmt: skip
    parts = [Part(block=one.index, penalty=one.fit.penalty, share=float(share))
             for one, share in zip(blocks, shares, strict=False) if share > 0]  # fmt: skip
    if shares[-1] > 0:
        parts.append(Part(block=None, penalty=whole.head.penalty, share=float(shares[-1])))
    detail = {"rows_left_out": len(rows), "shares": shares.tolist()}
    found = judged(problem, head, held_out, scale, shifts, detail, began)
    return replace(found, left_out_rows=rows, left_out=scale * left_out + shifts, parts=tuple(parts))


def refit_stack(
    fitted: FittedHead, features: Sequence[FeatureBlocks], targets: Floats, moments: Moments | None
) -> Head:
    """Fit each part again, at its penalty, on more rows; shares and scale are kept.

    Args:
        fitted: a stack.
        features: of each split, stacked without a copy.
        targets: ``(N, K)`` of all rows.
        moments: of all blocks, where there are more rows than columns.
    """
    edges = np.cumsum([0, *(block.shape[1] for block in features[0].blocks)]).tolist()
    members = []
    for part in fitted.parts:
        chosen = slice(None) if part.block is None else slice(part.block, part.block + 1)
        columns = slice(0, edges[-1]) if part.block is None else slice(*edges[part.block : part.block + 2])
        matrix = Matrix(tuple(tuple(one.blocks[chosen]) for one in features))
        known = moments[columns] if moments else None
        members.append((columns, ridge_solve(matrix, targets, part.penalty, moments=known)))
    shares = np.array([part.share for part in fitted.parts])
    weight, bias = combined(members, shares, targets.mean(axis=0), edges[-1])
    return fitted.scale * weight, fitted.scale * bias + fitted.shifts


def worth(answers: Sequence[Floats], targets: Floats) -> Floats:
    """Find what each part is worth: ``(P,)``, none negative, least squares.

    Args:
        answers: P times ``(S, K)``, less the mean of the targets.
        targets: ``(S, K)``, less the same.
    """
    products = np.array([[np.vdot(one, other) for other in answers] for one in answers])
    with_targets = np.array([np.vdot(one, targets) for one in answers])
    trace = float(np.trace(products))
    if trace == 0.0:
        return np.zeros(len(answers))
    factor = np.linalg.cholesky(products + ROUNDING * trace * np.eye(len(answers)))
    shares: Floats = nnls(factor.T, scipy.linalg.solve_triangular(factor, with_targets, lower=True))[0]
    return shares


def _crossed(answers: Sequence[Floats], targets: Floats, seed: int) -> Floats:
    """Add up the answers to each half of the rows with what the other half says that they are worth.

    Shares found on the very rows that they answer would look better than ridge's plain leave-one-out answers.
    """
    halves = np.array_split(generator(seed, "stack").permutation(len(targets)), 2)
    found = np.zeros_like(targets)
    for mine, other in (halves, halves[::-1]):
        shares = worth([one[other] for one in answers], targets[other])
        for share, one in zip(shares, answers, strict=True):
            found[mine] += share * one[mine]
    return found


def combined(members: Sequence[tuple[slice, Head]], shares: Floats, mean: Floats, width: int) -> Head:
    """Add heads on some of ``width`` columns up to one on all: ``(K, D)`` and ``(K,)``."""
    weight, bias = np.zeros((len(mean), width)), mean.copy()
    for (columns, (own, constant)), share in zip(members, shares, strict=True):
        weight[:, columns] += share * own
        bias += share * (constant - mean)
    return weight, bias


def _at(known: NDArray[np.intp], answers: Floats, rows: NDArray[np.intp]) -> Floats:
    """Take the answers to ``rows``, which are among the ``known``."""
    return answers[np.searchsorted(known, rows)]
