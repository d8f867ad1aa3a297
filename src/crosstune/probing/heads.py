"""Every head that cached features give without a gradient through the model, best first.

Candidates are ridge regression, logistic regression and their blend, on the head's own input, on the last
block and on all blocks, and a stack of ridge on every block; all are judged by the task's primary metric on
the validation rows, and on left-out training rows where these are like them.

Shapes: N rows, D columns, K outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.progress import Reporter, Silent
from crosstune.core.settings import Settings
from crosstune.probing.candidates import (
    FittedHead,
    Problem,
    average,
    blend_candidate,
    logistic_candidate,
    ridge_candidate,
)
from crosstune.probing.depth import depth_curve
from crosstune.probing.logistic import refit_logistic
from crosstune.probing.matrix import FeatureBlocks, Matrix, Standardised, measure_scale
from crosstune.probing.moments import Moments, measure_moments
from crosstune.probing.order import best_first
from crosstune.probing.ridge import ridge_solve
from crosstune.probing.stack import refit_stack, stack_candidate
from crosstune.tasks.base import MetricSpec, Task

__all__ = ["FittedHead", "fit_heads", "refit", "training_moments"]

SECONDS = 60.0
"""ASSUMED: the time for all logistic paths together, where the caller sets no deadline."""


def fit_heads(
    task: Task,
    train: FeatureBlocks,
    train_encoded: NDArray[Any],
    validation: FeatureBlocks,
    validation_encoded: NDArray[Any],
    *,
    settings: Settings,
    moments: Mapping[str, Moments] | None = None,
    deadline: Budget | None = None,
    reporter: Reporter | None = None,
    chosen_by: MetricSpec | None = None,
    pooled: bool = False,
) -> list[FittedHead]:
    """Fit all candidates that ``settings.closed_form`` and ``settings.features`` allow, best first.

    Ties go to ridge before logistic before the blend before the stack, and to fewer columns. Where the
    head's input equals the last block, only the head's input is tried (unless ``settings.features`` is
    ``last``). Class weights move the intercepts of calibrated logits by their logarithm, which is what
    weighted training aims at (Menon 2021). Ridge penalties come from leave-one-out on the training rows,
    logistic ones from the validation rows. The depth curve is among the measurements of the best head.

    Args:
        task: gives the targets, the primary metric and the kind of head.
        train: features of N rows.
        train_encoded: ``task.encode`` of their targets.
        validation: features of M rows.
        validation_encoded: their encoded targets.
        settings: ``closed_form``, ``features``, ``class_weights`` and ``seed`` are read.
        moments: what :func:`training_moments` gave, where it is wanted again for a refit.
        deadline: when the logistic paths must end; 60 seconds from now where it is ``None``.
        reporter: hears of a path that the deadline cut short.
        chosen_by: what heads are compared by on the validation rows; ``None`` is the primary metric.
        pooled: whether left-out training rows have a say in the order, as they are like validation rows:
            see :func:`best_first`.

    Raises:
        BadValue: a logistic head is asked for, but the targets are values.
        ValueError: the features hold NaN or infinity, which the frozen pass refuses before.

    Cost: one Gram of all blocks (N D^2), then see ``ridge_loo`` and ``fit_logistic``.
    """
    kinds = _kinds(task, settings)
    problem = Problem(
        task=task,
        train_encoded=train_encoded,
        validation_encoded=validation_encoded,
        targets=task.linear_targets(train_encoded),
        validation_targets=task.linear_targets(validation_encoded),
        settings=settings,
        deadline=deadline or Budget(SECONDS),
        reporter=reporter or Silent(),
        chosen_by=chosen_by,
    )
    if moments is None:
        moments = training_moments(task, train, train_encoded, settings)
    found, curve = _fit_all(problem, kinds, train, validation, moments)
    found = best_first(problem, found, pooled=pooled)
    return [replace(found[0], measurements=(*found[0].measurements, *curve)), *found[1:]]


def _fit_all(
    problem: Problem,
    kinds: Sequence[str],
    train: FeatureBlocks,
    validation: FeatureBlocks,
    moments: Mapping[str, Moments],
) -> tuple[list[FittedHead], list[Measurement]]:
    """Fit every candidate, and the depth curve where all blocks may be read."""
    found: list[FittedHead] = []
    for reads in _reads(train, problem.settings):
        matrix, held_out = _matrix([train], reads), _matrix([validation], reads)
        known = moments.get(reads)
        if "ridge" in kinds:
            found.append(ridge_candidate(problem, reads, matrix, held_out, known))
        if "logistic" in kinds:
            found.append(logistic_candidate(problem, reads, matrix, held_out, known))
        if len(kinds) > 1:
            found.append(blend_candidate(problem, found[-2], found[-1], held_out))
    if problem.settings.features not in ("auto", "all"):
        return found, []
    curve, blocks = depth_curve(problem, train, validation, moments.get("all"))
    if problem.settings.closed_form == "auto" and len(blocks) > 1:
        whole = next(one for one in found if (one.head.kind, one.head.features) == ("ridge", "all"))
        stack = stack_candidate(problem, whole, blocks, _matrix([validation], "all"))
        found += [] if stack is None else [stack]
    return found, curve


def training_moments(
    task: Task, train: FeatureBlocks, encoded: NDArray[Any], settings: Settings
) -> dict[str, Moments]:
    """Sum up what ridge and logistic share, for each set of columns that is read.

    There is none where there are at most as many rows as columns: heads then work on the rows instead.

    Args:
        task: gives the targets.
        train: features of N rows.
        encoded: ``task.encode`` of their targets.
        settings: ``features`` is read.

    Cost: one Gram of all blocks, N D^2 multiplications.
    """
    targets, found = task.linear_targets(encoded), dict[str, Moments]()
    everything = None
    if settings.features in ("auto", "all"):
        everything = _moments(_matrix([train], "all"), targets, train.names)
    for reads in dict.fromkeys((*_reads(train, settings), *(("all",) if everything else ()))):
        known = _share(train, reads, everything)
        known = known or _moments(_matrix([train], reads), targets, _names(train, reads))
        if known is not None:
            found[reads] = known
    return found


def refit(
    task: Task,
    fitted: FittedHead,
    parts: Sequence[FeatureBlocks],
    encoded: Sequence[NDArray[Any]],
    *,
    moments: Moments | None = None,
    deadline: Budget | None = None,
) -> HeadWeights:
    """Fit the chosen head, at its penalty, on more rows (training and validation rows).

    The scale that calibrates it is kept, as it came from rows that the head had not seen.

    Args:
        task: the task that ``fitted`` was made for.
        fitted: one of the results of :func:`fit_heads`.
        parts: features of each split, stacked without a copy; the first are those it was fitted on.
        encoded: encoded targets of each split.
        moments: those of the first part, where they are known; then only the later rows are summed up, and
            the deviations of the columns stay those of the first part.
        deadline: a logistic fit that reaches it returns what it has, at least the weights of ``fitted``.
    """
    matrix = _matrix(parts, fitted.head.features)
    targets = task.linear_targets(np.concatenate(list(encoded)))
    if moments is None:
        moments = _moments(matrix, targets)
    elif len(parts) > 1:
        more = _matrix(parts[1:], fitted.head.features)
        moments = moments.joined(more, targets[moments.rows :])
    if fitted.parts:
        weight, bias = refit_stack(fitted, parts, targets, moments)
        return replace(fitted.head, weight=weight, bias=bias)
    limit = deadline or Budget(SECONDS)
    members = [_refit_one(task, one, matrix, targets, moments, limit) for one in fitted.members or (fitted,)]
    weight, bias = average(members)
    return replace(fitted.head, weight=weight, bias=bias)


def _refit_one(
    task: Task,
    fitted: FittedHead,
    matrix: Matrix,
    targets: NDArray[np.float64],
    moments: Moments | None,
    deadline: Budget,
) -> HeadWeights:
    head = fitted.head
    if head.kind == "ridge":
        weight, bias = ridge_solve(matrix, targets, head.penalty, moments=moments)
        weight, bias = fitted.scale * weight, fitted.scale * bias
    else:
        start, kind = (head.weight, head.bias - fitted.shifts), task.linear_kind()
        weight, bias = refit_logistic(
            kind, matrix, targets, head.penalty, start=start, moments=moments, deadline=deadline
        )
    return replace(head, weight=weight, bias=bias + fitted.shifts)


def _kinds(task: Task, settings: Settings) -> tuple[str, ...]:
    values = task.linear_kind() == "values"
    if values and settings.closed_form == "logistic":
        raise BadValue(
            "logistic regression needs classes or labels",
            found=f"closed_form=logistic for the task {task.name}, whose targets are values",
            expected="closed_form=ridge or closed_form=auto",
            fix="leave `closed_form` out",
        )
    if settings.closed_form != "auto":
        return (settings.closed_form,)
    return ("ridge",) if values else ("ridge", "logistic")


def _reads(train: FeatureBlocks, settings: Settings) -> tuple[str, ...]:
    """List what the candidates read, fewest columns first."""
    if settings.features != "auto":
        return (settings.features,)
    several = len(train.blocks) > 1
    return ("head", *(() if _native_reads_last(train) else ("last",)), *(("all",) if several else ()))


def _native_reads_last(train: FeatureBlocks) -> bool:
    """Say whether the head's input is the pooled last block, as in most convolutional networks."""
    last = train.blocks[-1]
    same = last.shape == train.head_input.shape
    return same and np.allclose(last, train.head_input, rtol=1e-4, atol=1e-5)


def _matrix(parts: Sequence[FeatureBlocks], reads: str) -> Matrix:
    def blocks(part: FeatureBlocks) -> tuple[NDArray[np.float32], ...]:
        return {"head": (part.head_input,), "last": (part.blocks[-1],), "all": tuple(part.blocks)}[reads]

    return Matrix(tuple(blocks(part) for part in parts))


def _names(train: FeatureBlocks, reads: str) -> tuple[str, ...]:
    return {"head": ("the head's input",), "last": (train.names[-1],), "all": tuple(train.names)}[reads]


def _moments(matrix: Matrix, targets: NDArray[np.float64], names: Sequence[str] = ()) -> Moments | None:
    """Sum up what ridge and logistic share; with N <= D they work on the rows instead."""
    scale = measure_scale(matrix, names)
    if matrix.rows <= matrix.width:
        return None
    return measure_moments(Standardised(matrix, scale), targets)


def _share(train: FeatureBlocks, reads: str, everything: Moments | None) -> Moments | None:
    """Cut the moments of the last block out of those of all blocks."""
    if everything is None or reads == "all":
        return everything
    if reads == "head" and not _native_reads_last(train):
        return None
    return everything[slice(len(everything.gram) - train.blocks[-1].shape[1], None)]
