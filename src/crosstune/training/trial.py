"""The speed of a run, tried out before its first step; the weights come back bit for bit."""

import math
import time

from crosstune.core.clock import Budget
from crosstune.frozen.freeze import evaluating
from crosstune.training.loader import ahead
from crosstune.training.optimizers import make_optimizer, set_rates
from crosstune.training.pace import SHARE, TRIAL_STEPS, trial_seconds
from crosstune.training.parameters import parameter_groups
from crosstune.training.session import Session, make_updater
from crosstune.training.snapshot import moving, restore, take

TRIAL_EVALUATIONS = 3
"""Validation batches that are timed."""


def step_seconds(session: Session, budget: Budget) -> float:
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


def evaluation_seconds(session: Session, left: float) -> float:
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
