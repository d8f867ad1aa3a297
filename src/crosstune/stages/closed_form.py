"""Stage 3, second half: the best closed-form head, refitted on all labelled rows and written as the model."""

import numpy as np
from numpy.typing import NDArray

from crosstune.artifacts.model import head_features, head_kept, put_head
from crosstune.core.clock import Budget
from crosstune.core.domains import Domains
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.evaluation.paired import paired_difference
from crosstune.probing.heads import FittedHead, refit
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import Tuned, difference, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.ship import write_model
from crosstune.tasks.by_domain import chosen_by

OFF = 0.1
"""ASSUMED: of the spread of the outputs, what a head may give otherwise in the saved model."""


def ship_closed_form(run: Run, prepared: Prepared, opened: Opened, probed: Probed) -> Tuned:
    """Choose, refit on training and validation rows, and write the closed-form head."""
    best, reason = _readable(prepared, probed, only_here=opened.backbone.only_here)
    deadline = run.budget.reserve(reserve_seconds(prepared.facts, opened.facts, trains=False))
    head = run.once("refit", lambda: _refit(prepared, probed, best, deadline))
    native = head.features == "head" and opened.backbone.has_intercept
    model = saved_model(prepared, opened, None if native else head)
    with head_kept(opened.backbone):  # training must not start from a head that has seen validation rows
        if native:
            put_head(opened.backbone, head)
        expected = run.once("closed-form", lambda: write_model(run, prepared, model))
    _hold_to_features(run, probed, head, expected)
    name = f"closed-form head ({best.name})"
    others = {f"closed-form head ({one.name})": one.validation_outputs for one in probed.heads}
    closed = Tuned(
        model=model,
        expected=expected,
        plan=opened.plan,
        shipped=name,
        comparison=reason,
        candidates={name: best.validation_outputs, **others},
    )
    run.reporter.say("a model is on disk; whatever follows must beat it to replace it")
    return closed


def _hold_to_features(run: Run, probed: Probed, head: HeadWeights, expected: NDArray[np.float64]) -> None:
    """Warn where the shipped model gives other outputs than the head on the features it was fitted on.

    Validation cannot notice: its features are from the same pass.

    Args:
        run: told.
        probed: with the features of validation.
        head: that was written.
        expected: ``(n, K)`` of the written model, on the first validation rows, from raw inputs.
    """
    rows = probed.features["validation"].rows(range(len(expected)))
    error = float(np.sqrt(np.mean((head(head_features(rows, head.features)) - expected) ** 2)))
    size = max(float(expected.std()), 0.01 * float(np.abs(expected).max(initial=1.0)))
    if not error <= OFF * size:
        alarm = (
            "the closed-form head gives other outputs in the saved model than on the features that it was "
            f"fitted on: they differ by {error / size:.0%} of their spread; figures on validation do not hold"
        )
        run.warnings.append(alarm)
        run.reporter.warn(alarm)


def _refit(prepared: Prepared, probed: Probed, best: FittedHead, deadline: Budget) -> HeadWeights:
    parts = [probed.features["train"], probed.features["validation"]]
    targets = [probed.encoded["train"], probed.encoded["validation"]]
    known = probed.moments().get(best.head.features)
    return refit(prepared.task, best, parts, targets, moments=known, deadline=deadline)


def _readable(prepared: Prepared, probed: Probed, *, only_here: bool) -> tuple[FittedHead, str]:
    """Choose the best head that every loader can read, unless another is better by a paired interval.

    Where no other loader can read the model anyway (``only_here``), the best.
    """
    best = probed.best
    words = f"It is the best closed-form head on {probed.judged_on}"
    if not probed.intercept:
        return best, f"{words}; the model's own has no intercept."
    native = next((one for one in probed.heads if one.head.features == "head"), best)
    if native is best or only_here:
        return best, f"{words}."
    gain = _gain(prepared, probed, best, native)
    if gain.low > 0:
        return best, f"It beats the best head that other loaders can read by {gain}."
    return (
        native,
        f"Heads over more blocks are not clearly better ({gain}), and other loaders cannot read them.",
    )


def _gain(prepared: Prepared, probed: Probed, best: FittedHead, native: FittedHead) -> Metric:
    """Compare what the two heads read: on validation, and by ridge on left-out training rows as well.

    A few dozen validation rows cannot tell features apart; ridge answers for every training row without
    having seen it, so where it was fitted on both sets of columns it speaks for all rows.
    """
    # the best of those that read the same columns
    ridges = {one.head.features: one for one in reversed(probed.heads) if one.head.kind == "ridge"}
    ours, theirs = ridges.get(best.head.features), ridges.get(native.head.features)
    on_validation = difference(prepared, best.validation_outputs, native.validation_outputs)
    if ours is None or theirs is None or on_validation.low > 0:
        return on_validation
    assert ours.left_out_rows is not None and theirs.left_out_rows is not None  # noqa: S101, PT018
    rows, first, second = np.intersect1d(ours.left_out_rows, theirs.left_out_rows, return_indices=True)
    truth = np.concatenate([probed.encoded["train"][rows], probed.encoded["validation"]])
    spec = chosen_by(prepared.task, _domains(prepared, probed, rows), prepared.select_by)
    return paired_difference(spec, _all(ours, first), _all(theirs, second), truth)


def _domains(prepared: Prepared, probed: Probed, rows: NDArray[np.intp]) -> Domains | None:
    """Give the domains of some training rows and of all validation rows."""
    train, validation = probed.items.domains(), prepared.items["validation"].domains()
    if train is None or validation is None:
        return None
    return Domains(train.names, np.concatenate([train.ids[rows], validation.ids]))


def _all(ridge: FittedHead, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    assert ridge.left_out is not None  # noqa: S101 - chosen so
    return np.concatenate([ridge.left_out[rows], ridge.validation_outputs])
