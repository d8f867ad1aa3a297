"""The speed of a run, tried out before its first step; the weights come back bit for bit."""

import math
import time
from typing import TYPE_CHECKING

from crosstune.core.clock import Budget
from crosstune.core.memory import CAN_BE_MEMORY
from crosstune.frozen.freeze import evaluating
from crosstune.training import recovery
from crosstune.training.loader import ahead
from crosstune.training.optimizers import make_optimizer, set_rates
from crosstune.training.pace import SHARE, TRIAL_STEPS, Pace, trial_seconds
from crosstune.training.parameters import parameter_groups
from crosstune.training.session import Session, make_updater
from crosstune.training.snapshot import moving, restore, take

if TYPE_CHECKING:
    from crosstune.training.loop import Loop

TRIAL_EVALUATIONS = 3
"""Validation batches that are timed."""


def measured_pace(loop: "Loop") -> Pace:
    """Time updates and evaluations before the first step, in smaller batches where memory runs out.

    Without a limit nothing is measured and the pace is zero.

    Raises:
        OutOfMemory: as :func:`crosstune.training.recovery.halve_micro_batch`.
    """
    if math.isinf(loop.budget.left()):
        return Pace(step=0.0, evaluation=0.0)
    step: float | None = None
    while True:
        try:
            if step is None:
                step = _step_seconds(loop.session, loop.budget)
            return Pace(step=step, evaluation=_evaluation_seconds(loop.session, loop.budget.left()))
        except CAN_BE_MEMORY as error:
            recovery.require_out_of_memory(error)
            failure = str(error)
        if step is None:
            recovery.halve_micro_batch(loop, failure, begun=False)
        else:
            recovery.halve_evaluation(loop, failure)


def _step_seconds(session: Session, budget: Budget) -> float:
    """Time a few updates; returns the seconds of one.

    Everything that will ever move is thawed as it is after ``prepare``, so that a gradual run is not
    measured by its cheap beginning.
    """
    live = moving(session.backbone.model, session.moving)
    before = take(live)
    optimizer = make_optimizer(session.settings, parameter_groups(session.backbone, session.settings))
    set_rates(optimizer, 0.0)  # an update costs the same, and no peak rate meets weights without warm-up
    update = make_updater(session, session.forward, optimizer)
    batches = ahead(session.loader, session.loader.order.typical(min(TRIAL_STEPS, session.planned)))
    alone = session.accelerator.num_processes == 1  # several must make equally many steps
    try:
        return trial_seconds(
            batches,
            lambda loaded: update(loaded, step=0, epoch=0),
            left=budget.left() if alone else math.inf,
        )
    finally:
        restore(live, before)
        session.backbone.model.zero_grad(set_to_none=True)


def _evaluation_seconds(session: Session, left: float) -> float:
    """Time a few validation batches; returns the seconds of a whole evaluation."""
    batches = session.evaluator.batches
    alone = session.accelerator.num_processes == 1
    with evaluating(session.backbone.model):
        seconds = _batch_seconds(session, 1)
        if not alone or seconds < SHARE * left:
            seconds = _batch_seconds(session, min(batches, TRIAL_EVALUATIONS))
    return seconds * batches


def _batch_seconds(session: Session, most: int) -> float:
    started = time.monotonic()
    session.evaluator.outputs(session.forward, most=most)
    return (time.monotonic() - started) / most
