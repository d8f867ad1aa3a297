"""Learning-rate range test: a few steps at rising rates on the real loss, and everything is put back.

It bounds the rate of one configuration from above (techniques C1). The largest usable rate depends on what
moves, from which head, with which batch, optimizer and layer decay, so it is not carried over to another one.

MEASURED on 1,280 MNIST digits (EfficientNet-lite0, 48 px, everything moves, random head, one epoch without
warm-up, one seed), validation accuracy at multiples of the answer:

=========  ======  =====  =====  =====  =====  =====
optimizer  answer  x 3    x 1    x 1/3  x 1/10 x 1/30
=========  ======  =====  =====  =====  =====  =====
adamw      4.6e-3  0.442  0.866  0.862  0.588  0.368
sgd        0.61    0.110  0.112  0.462  0.546  0.324
=========  ======  =====  =====  =====  =====  =====

So it is an upper end, no more: with momentum it is itself too large, and ``sweep`` covers what is useful.
"""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from accelerate import Accelerator

from crosstune.core.clock import Budget
from crosstune.core.errors import OutOfMemory
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.memory import CAN_BE_MEMORY
from crosstune.core.metric import Metric
from crosstune.core.progress import Reporter, Silent
from crosstune.core.seeding import generator
from crosstune.core.settings import Settings
from crosstune.core.units import format_duration
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.aside import unchanged
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.loader import ahead
from crosstune.training.optimizers import make_optimizer, set_rates
from crosstune.training.parameters import head_rate, parameter_groups
from crosstune.training.rate_curve import read_curve
from crosstune.training.recovery import require_out_of_memory
from crosstune.training.rows import Rows
from crosstune.training.session import Session, make_accelerator, make_updater, prepare

LOWEST, HIGHEST = 1e-7, 1.0
"""PRIOR: of the body, for optimizers that scale their steps; fastai goes from 1e-7 to 10."""
HIGHEST_SGD = 10.0
"""PRIOR: plain gradient steps are smaller, so their rates are larger."""
MOST_STEPS, FEWEST_STEPS = 100, 40
"""PRIOR: 100 as in fastai; with fewer than 40 the rates are more than half an octave apart."""
AT_REST = 3
"""Updates at rate zero before the first one that moves: the first pays for what is done once, and all of
them say what the loss is at the start."""
SHARE = 0.05
"""ASSUMED: of the time left that a range test may take."""
STOP, FLOOR = 4.0, 0.01
"""PRIOR (fastai): it ends where the loss is over four times its best. ASSUMED: below 0.01 nats (or variances
of the target) multiples of a loss say nothing."""
MEMORY = 0.7
"""ASSUMED: what each step leaves of the running mean of losses that decides when to stop."""
PATIENCE = 1.0
"""ASSUMED: a test that is late by this many times what it was allowed is given up."""


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """What was tried, what came of it, and the upper end. Rates are those of the last body block."""

    rates: tuple[float, ...]
    """In the order tried; the rate of a head or an earlier block was in the proportion of the settings."""
    losses: tuple[float, ...]
    """Of the batch after the update at each rate."""
    smoothed: tuple[float, ...]
    start: float
    """Mean loss before any weight moved; NaN where there was none."""
    largest: float | None
    """The largest usable ``lr``, by the rule of :func:`read_curve`; ``None`` where there is no answer."""
    head_share: float
    """``head_lr / lr``, as it was kept."""
    because: str
    stopped: str
    """``range`` (every rate was tried), ``diverged``, ``not finite``, ``memory``, or ``budget``."""
    examples: int
    """Examples in one step."""
    seconds: float
    step_seconds: float
    """Of one update, loading included, measured here; NaN where none was made."""

    @property
    def largest_head(self) -> float | None:
        """The ``head_lr`` that belongs to ``largest``."""
        return None if self.largest is None else self.largest * self.head_share

    @property
    def sweep(self) -> tuple[float, ...]:
        """Rates to try on validation: the upper end, a third and a tenth of it (techniques C1)."""
        return () if self.largest is None else (self.largest, self.largest / 3.0, self.largest / 10.0)

    def measurement(self, candidate: str, *, seed: int) -> Measurement:
        """Give the row of ``evidence.json``; without an answer its figure is NaN."""
        value = math.nan if self.largest is None else self.largest
        curve = {"rates": list(self.rates), "losses": list(self.losses), "smoothed": list(self.smoothed)}
        detail = {**curve, "start": self.start, "stopped": self.stopped, "because": self.because}
        return Measurement(
            name=f"range-test/{candidate}", candidate=candidate, figure="largest usable rate",
            metric=Metric(value, value, value), examples=self.examples * len(self.rates), seed=seed,
            seconds=self.seconds, detail=detail,
        )  # fmt: skip


def range_test(
    backbone: Backbone,
    task: Task,
    items: Items,
    settings: Settings,
    *,
    budget: Budget,
    head: HeadWeights | None = None,
    share: float = SHARE,
    reporter: Reporter | None = None,
) -> RangeTest:
    """Train some steps at geometrically rising rates and read off the largest usable one.

    The steps are those of training: the same loss, batches, augmentation, frozen blocks, clipping, optimizer
    and precision; head and earlier blocks keep their proportion to ``lr``. Afterwards weights, BatchNorm
    statistics, the native head and random states are what they were, bit for bit, and the model is at rest.

    Args:
        backbone: opened; trained in place, then put back.
        task: fitted on the training targets.
        items: the training split, with targets; a sample of it is read.
        settings: one configuration; ``lr`` only sets the proportion of the other rates.
        budget: of the run; nothing is tried where ``FEWEST_STEPS`` would take more than ``share`` of it.
        head: closed-form head to start from; ``lp-ft`` needs it.
        share: of the time left that may be used.
        reporter: told of what preparing decides (precision).

    Raises:
        UserError: for settings that cannot be trained at all, as ``train`` does; never for a loss that is not
            finite or for memory, which are answers here.

    Cost: 43 to 103 training steps, at most ``share`` of the time left; one copy of the weights.
    Source: Smith (2017), arXiv:1506.01186, section 3.3; fastai's ``lr_find`` for range and stop.
    Checked by: ``tests/training/test_range_test.py``.
    """
    began = time.monotonic()
    allowed = share * budget.left()
    accelerator = make_accelerator(settings, None, ())
    chosen = replace(settings, cache="off", workers=0)
    part = _part(items, chosen)
    with unchanged(backbone, accelerator.device), ExitStack() as stack:
        session = prepare(
            backbone, task, part, Rows(part, [0]), chosen, accelerator=accelerator,
            budget=Budget(allowed if math.isfinite(allowed) else None), reporter=reporter or Silent(),
            head=head, stack=stack,
        )  # fmt: skip
        loss = task.make_loss(chosen, task.encode(items.targets()))  # class weights are those of all rows
        ramp = _Ramp(replace(session, loss=loss), accelerator, ends=began + allowed)
        ramp.run()
    reading = read_curve(ramp.rates, ramp.losses, ramp.start, broke=ramp.stopped == "not finite")
    return RangeTest(
        rates=tuple(ramp.rates), losses=tuple(ramp.losses), smoothed=reading.smoothed, start=ramp.start,
        largest=reading.largest if ramp.answers else None,
        head_share=head_rate(settings) / settings.lr,
        because=reading.because if ramp.answers else ramp.failure,
        stopped=ramp.stopped, examples=min(settings.batch_size, len(items)),
        seconds=time.monotonic() - began, step_seconds=ramp.step_seconds,
    )  # fmt: skip


def rates_of(steps: int, optimizer: str) -> list[float]:
    """Return ``steps`` rates of the body, each the same multiple of the one before."""
    highest = HIGHEST_SGD if optimizer == "sgd" else HIGHEST
    return [float(rate) for rate in np.geomspace(LOWEST, highest, steps)]


def _part(items: Items, settings: Settings) -> Items:
    """Give as many examples as the longest test reads, at random: a large split is not tokenised for it."""
    most = (MOST_STEPS + AT_REST + 1) * settings.batch_size
    if len(items) <= most:
        return items
    chosen = generator(settings.seed, "range test").permutation(len(items))[:most]
    return Rows(items, np.sort(chosen).tolist())


class _Ramp:
    """The steps, and what came of them."""

    def __init__(self, session: Session, accelerator: Accelerator, *, ends: float) -> None:
        self._session, self._accelerator, self._ends = session, accelerator, ends
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.start = self.step_seconds = math.nan
        self.stopped, self.failure = "range", ""

    @property
    def answers(self) -> bool:
        """Whether there is a curve to be read."""
        return not self.failure

    def run(self) -> None:
        """Make the steps until the rates end, the loss diverges, or something gives out."""
        session = self._session
        optimizer = make_optimizer(session.settings, parameter_groups(session.backbone, session.settings))
        forward = self._accelerator.prepare_model(session.forward)
        update = make_updater(session, forward, self._accelerator.prepare_optimizer(optimizer))
        batches = ahead(session.loader, range(AT_REST + MOST_STEPS + 1))

        steps = count()

        def step(rate: float) -> float:
            set_rates(optimizer, rate / session.settings.lr)
            return update(next(batches), step=next(steps), epoch=0)

        try:
            self._climb(step)
        except NonFiniteLoss:
            self.stopped = "not finite"
            if math.isnan(self.start):
                self.failure = "the loss is not finite before any weight has moved"
        except OutOfMemory as error:
            self._give_up("memory", f"memory ran out: {error.found}")
        except CAN_BE_MEMORY as error:
            require_out_of_memory(error)
            self._give_up("memory", "memory ran out: the micro-batch is too large for this machine")
        finally:
            batches.close()

    def _climb(self, step: Callable[[float], float]) -> None:
        """Rest, see how many steps fit, raise the rate; each loss shows what the update before it did."""
        began, resting, times = time.monotonic(), [step(0.0)], []
        for _ in range(AT_REST - 1):
            before = time.monotonic()
            resting.append(step(0.0))
            times.append(time.monotonic() - before)
        self.step_seconds = min(times)  # a machine that is busy for a moment is no slow machine
        self.start = sum(resting) / len(resting)
        left = self._ends - time.monotonic()
        fitting = self._session.agreed(MOST_STEPS if math.isinf(left) else int(left / self.step_seconds) - 1)
        if fitting < FEWEST_STEPS:
            needed = FEWEST_STEPS * self.step_seconds
            self._give_up("budget", f"{FEWEST_STEPS} steps would take {format_duration(needed)}")
            return
        rates = rates_of(min(fitting, MOST_STEPS), self._session.settings.optimizer)
        step(rates[0])
        recent = _Recent(self.start)
        for rate, following in zip(rates, [*rates[1:], 0.0], strict=True):
            loss = step(following)
            self.rates.append(rate)
            self.losses.append(loss)
            if recent.diverges(loss):
                self.stopped = "diverged"
                return
            if self._session.agreed(time.monotonic() > self._ends + PATIENCE * (self._ends - began)):
                self._give_up("budget", f"the steps became slow, and time ran out at the rate {rate:.3g}")
                return

    def _give_up(self, stopped: str, failure: str) -> None:
        self.stopped, self.failure = stopped, failure


class _Recent:
    """A running mean of losses, which says when they have left their best for good."""

    def __init__(self, start: float) -> None:
        self._mean = self._best = start

    def diverges(self, loss: float) -> bool:
        """Take a loss in; say whether the mean is over ``STOP`` times its best."""
        self._mean = MEMORY * self._mean + (1.0 - MEMORY) * loss
        self._best = min(self._best, self._mean)
        return self._mean > STOP * max(self._best, FLOOR)
