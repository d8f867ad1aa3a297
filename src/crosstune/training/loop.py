"""The training loop: steps, epochs, evaluations, and when to stop."""

import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from accelerate.utils import broadcast
from numpy.typing import NDArray
from torch import nn, optim

from crosstune.core import interruption
from crosstune.core.clock import Budget
from crosstune.core.memory import CAN_BE_MEMORY
from crosstune.core.progress import Reporter
from crosstune.frozen.freeze import evaluating, freeze
from crosstune.training import recovery, state
from crosstune.training.alarms import equal_rates, one_answer
from crosstune.training.average import MovingAverage
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.keeper import SOUP_MOST, Keeper
from crosstune.training.loader import Loaded, stream, worker_failures
from crosstune.training.lora import MERGE_BATCHES
from crosstune.training.optimizers import make_optimizer, set_rates
from crosstune.training.pace import Pace, evaluation_steps, steps_that_fit
from crosstune.training.parameters import head_rate, parameter_groups
from crosstune.training.result import History
from crosstune.training.saver import Saver
from crosstune.training.schedules import Schedule
from crosstune.training.session import Session, make_updater
from crosstune.training.snapshot import moving, take
from crosstune.training.strategies import cut_at, set_mode
from crosstune.training.trial import measured_pace

TICK = 0.25
"""Seconds between two lines of progress, at least."""
CLOSE = 1.1
"""The end is near when less is left than this many times the seconds still needed."""
REPLAN = 8
"""Steps after which the number of steps that fit is estimated again, where there is a budget."""
RECENT = 20
"""Steps over which the loss on the progress line is averaged."""

T = TypeVar("T")


class Loop:
    """One run over its steps; how far it has come can be read from its fields."""

    def __init__(
        self, session: Session, *, budget: Budget, work: Path, reporter: Reporter, starts_trained: bool,
        saved: tuple[Path, dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        """Fix the number of steps, then open what moves in the first epoch.

        Where the model has a trained head from the start it is evaluated before the first step too. With
        ``saved``, a checkpoint and its values, the run is what it was then and nothing is measured again.
        """
        settings = session.settings
        self.session, self.settings, self.budget, self.reporter = session, settings, budget, reporter
        self.started = time.monotonic()
        self.starts_trained = starts_trained
        self.model, self.order = session.backbone.model, session.loader.order
        self.keeper = _keeper(session, work)
        self.history: History = []
        self.losses: list[float] = []
        self.best_outputs: NDArray[Any] | None = None
        self.last_outputs: NDArray[Any] | None = None
        self.step = self.epoch = 0
        self.evaluated_at = -1
        self.without_gain = 0
        self.stopped, self.ended = "epochs", False
        self.retried, self.rate_factor = False, 1.0
        self.warnings: list[str] = []
        self.train_seconds = 0.0
        self.since = 0.0, 0
        self.pace = Pace(step=0.0, evaluation=0.0) if saved else self._agreed(measured_pace(self))
        session = self.session  # with smaller batches, where memory ran out
        self.evaluation_seconds = self.pace.evaluation
        self.total = session.planned if saved else self._agreed(self._steps(self.pace, 0))
        if self.total < session.planned:
            reporter.say(
                f"{self.total} of {session.planned} steps fit into the budget: {self.pace.step:.3g} s each, "
                f"{self.pace.evaluation:.3g} s for an evaluation"
            )
        self.schedule = Schedule(settings, self.total)
        self.forward, self.optimizer = self._open()
        self.live = moving(self.model, session.moving)  # accelerate may have put other buffers in place
        self.update = make_updater(session, self.forward, self.optimizer)
        if settings.optimizer == "schedule-free" and settings.schedule != "constant":
            reporter.say("schedule-free has no schedule: after warm-up the rate stays constant")
        self.average = MovingAverage(self.live, settings.ema_decay) if settings.average == "ema" else None
        self.buffers = recovery.Buffers(self.model)
        self.saver = Saver(
            work, every=settings.checkpoint_every, budget=budget, reporter=reporter,
            writes=session.accelerator.is_main_process,
        )  # fmt: skip
        if saved:
            state.restore(self, *saved)

    def run(self) -> None:
        """Make all steps, or as many as the budget and the patience allow, and evaluate the last one.

        The run is saved now and then, and at its end. A signal to end is heeded after a step.

        Raises:
            Interrupted: after a signal; the run was saved.
            NonFiniteLoss, DataWorkerFailed, OutOfMemory, DiskFull: the checkpoints from before stay.
        """
        if self.ended:
            return
        with worker_failures(lambda: self.step, self.settings.workers), interruption.deferred():
            self.reporter.start("training", self.total)
            if alarm := equal_rates(self.session, starts_trained=self.starts_trained):
                self.warn(alarm)
            first = self.step == 0 and not self.history
            if first and self.starts_trained and not self._agreed(self._budget_ends()):
                self.evaluate()
            if self.step == 0 and self.settings.on_non_finite == "retry":
                self.saver.save(self)  # so that there is something to go back to
            while not self._make_steps():
                pass
            if self.evaluated_at != self.step and self.step > 0:
                self.evaluate()
            self.ended = True
            self.saver.save(self)
            self.reporter.finish()

    def _make_steps(self) -> bool:
        """Make steps; say whether the run has ended, or must go on otherwise from where it is now."""
        evaluations = self._evaluations()
        steps = range(self.step, self.session.planned)
        told = time.monotonic()
        with closing(self._batches(steps)) as batches:
            for step in steps:
                began = time.monotonic()
                if step >= self.total or self._agreed(self._budget_ends()):
                    self.stopped = "budget"
                    return True
                loaded = recovery.fetch(self, batches)
                if not self._step(step, loaded):
                    return False
                self.train_seconds += time.monotonic() - began
                self.schedule.advance(self.total - step)
                if self.step % REPLAN == 0 and not math.isinf(self.budget.left()):
                    self.total = self._agreed(self._steps(self._measured_pace(), self.step))
                    evaluations = self._evaluations()
                    self.reporter.resize(self.total)
                if evaluated := self.step in evaluations:
                    self.evaluate()
                    if self.settings.patience and self.without_gain >= self.settings.patience:
                        self.stopped = "patience"
                        return True
                self._save_or_stop(evaluated=evaluated)
                if time.monotonic() - told > TICK:
                    told = time.monotonic()
                    self._tell()
        return True

    def _batches(self, steps: range) -> Generator[list[Loaded]]:
        settings = self.settings
        return stream(
            self.session.loader, steps, workers=settings.workers, timeout=settings.worker_timeout
        )  # fmt: skip

    def _step(self, step: int, loaded: list[Loaded]) -> bool:
        """Make one update; say whether it was made, or must be tried again otherwise."""
        self._begin_epoch(self.order.epoch(step))
        factor, schedule = self.rate_factor, self.schedule
        set_rates(self.optimizer, schedule.share * factor, schedule.later * factor)
        self.buffers.remember()
        try:
            loss = self.update(loaded, step=step, epoch=self.epoch)
        except NonFiniteLoss as error:
            self.buffers.put_back()
            recovery.retry_slower(self, error)
            return False
        except CAN_BE_MEMORY as error:
            recovery.require_out_of_memory(error)
            failure = str(error)
        else:
            self.losses.append(loss)
            if self.average:
                self.average.update()
            self.step = step + 1
            return True
        recovery.halve_micro_batch(self, failure)
        return False

    def _save_or_stop(self, *, evaluated: bool) -> None:
        """Save where it is time, or where a signal asks for the end."""
        asked = self._agreed((interruption.requested(), self.saver.due(evaluated=evaluated)))
        if any(asked):
            self.saver.save(self)
        if asked[0] is not None:
            raise interruption.Interrupted(asked[0])

    def evaluate(self) -> None:
        """Evaluate the present (or averaged) weights, add a row to the history, keep the best."""
        began = time.monotonic()
        with self._weights_to_evaluate(), evaluating(self.model):
            outputs = recovery.outputs(self)
            figures = self.session.evaluator.figures(outputs)
            better = self.keeper.offer(self.step, next(iter(figures.values())), lambda: take(self.live))
        self.without_gain = 0 if better else self.without_gain + 1
        self.last_outputs = outputs
        if better:
            self.best_outputs = outputs
        if self.step and (alarm := one_answer(self.session.task, outputs, self.session.evaluator.encoded)):
            self.reporter.warn(f"after step {self.step}: {alarm}")
        self._record(figures)
        self.evaluated_at = self.step
        self.evaluation_seconds = time.monotonic() - began

    # ---------------------------------------------------------------- epochs and steps

    def _open(self) -> tuple[nn.Module, optim.Optimizer]:
        """Let accelerate wrap the model with all thawed that will ever move, then freeze the rest."""
        session = self.session
        spread = session.whole is not None  # nothing is left to wrap
        forward = session.forward if spread else session.accelerator.prepare_model(session.forward)
        return forward, self._first_optimizer()

    def _first_optimizer(self) -> optim.Optimizer:
        """Freeze as in the first epoch, and make the optimizer of what is left."""
        session = self.session
        self.cut = cut_at(self.settings, len(session.backbone.blocks), 0)
        self._freeze()
        groups = parameter_groups(session.backbone, self.settings)
        made = make_optimizer(self.settings, groups)
        optimizer: optim.Optimizer = session.accelerator.prepare_optimizer(made)
        return optimizer

    def begin_again(self) -> None:
        """Make a new optimizer, for the first epoch; weights stay as they are."""
        self.epoch = 0
        for name in self.session.moving if self.schedule.wait else ():  # what waits may rest now
            self.model.get_parameter(name).requires_grad_(True)
        self.optimizer = self._first_optimizer()
        self.update = make_updater(self.session, self.forward, self.optimizer)

    def open_until(self, epoch: int) -> None:
        """Unfreeze what the epochs up to ``epoch`` open, one after the other."""
        for number in range(1, epoch + 1):
            self._begin_epoch(number)

    def _begin_epoch(self, epoch: int) -> None:
        """Assert modes again at the start of an epoch, and unfreeze what it opens."""
        if epoch == self.epoch:
            return
        self.epoch, before = epoch, self.cut
        self.cut = cut_at(self.settings, len(self.session.backbone.blocks), epoch)
        self._freeze()
        if self.cut < before:
            for group in parameter_groups(self.session.backbone, self.settings):
                if group["block"] < before:
                    self.optimizer.add_param_group(group)
            self._optimizer_mode(train=True)

    def _freeze(self) -> None:
        if self.settings.strategy == "gradual":
            freeze(self.session.backbone, self.cut)
        set_mode(self.session.backbone, self.settings, self.epoch)

    def _optimizer_mode(self, *, train: bool) -> None:
        if self.settings.optimizer == "schedule-free":
            switch = getattr(self.optimizer, "train" if train else "eval")
            switch()

    @contextmanager
    def _weights_to_evaluate(self) -> Iterator[None]:
        """Put averaged weights in place where the run averages, and its own ones back."""
        if self.average:
            with self.average.applied():
                self._share_buffers()
                yield
            return
        self._optimizer_mode(train=False)
        if self.settings.optimizer == "schedule-free":
            self.refresh()  # the averaged weights were never trained with
        self._share_buffers()
        yield
        self._optimizer_mode(train=True)

    def refresh(self) -> None:
        """Measure the BatchNorm statistics of the present weights on the first batches of training."""
        self.session.refresh_batchnorm()

    # ---------------------------------------------------------------- budget

    def _steps(self, pace: Pace, done: int) -> int:
        """Return after how many steps the run ends: all that are planned, or as many as fit.

        A budget cuts at the speed seen so far; a machine that slows down or recovers is followed, and the
        schedule stretches over what is left. Without a budget the number never changes.
        """
        wanted = self.session.planned
        if math.isinf(self.budget.left()):
            return wanted
        more = steps_that_fit(
            wanted - done,
            pace,
            left=self.budget.left(),
            between=self.order.steps_per_epoch / self.settings.evals_per_epoch,
            last_evaluations=self._final + (self.starts_trained and not self.history),
        )
        return done + more

    def _measured_pace(self) -> Pace:
        """Seconds of a step since the last time this was asked, and of the last evaluation."""
        seconds, steps = self.train_seconds - self.since[0], self.step - self.since[1]
        self.since = self.train_seconds, self.step
        return Pace(step=seconds / max(1, steps), evaluation=self.evaluation_seconds)

    def _evaluations(self) -> frozenset[int]:
        return evaluation_steps(self.total, self.order.steps_per_epoch, self.settings.evals_per_epoch)

    @property
    def _final(self) -> float:
        """Count the evaluations that must still fit in after the last step, and the check of a merge."""
        merge = 2 * MERGE_BATCHES / self.session.evaluator.batches
        soup, lora = self.settings.average == "soup", self.settings.strategy == "lora"
        return 1 + (SOUP_MOST - 1) * soup + merge * lora

    def _budget_ends(self) -> bool:
        left = self.budget.left()
        if math.isinf(left):
            return False
        still = self._final * self.evaluation_seconds + self.pace.step
        return left < CLOSE * still

    # ---------------------------------------------------------------- several processes

    def _agreed(self, value: T) -> T:
        """Return the value of the first process in all of them."""
        return self.session.agreed(value)

    def _share_buffers(self) -> None:
        if self.session.accelerator.num_processes > 1:
            for buffer in self.model.buffers():
                broadcast(buffer)

    # ---------------------------------------------------------------- telling

    def warn(self, sentence: str) -> None:
        """Warn now, and once more in the report."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
            self.reporter.warn(sentence)

    def _rates(self) -> dict[str, float]:
        head = head_rate(self.settings) * self.schedule.last
        body = self.settings.lr * self.schedule.last_later
        return {"lr": body * self.rate_factor, "head_lr": head * self.rate_factor}

    def _record(self, figures: dict[str, float]) -> None:
        since = self.history[-1]["step"] if self.history else 0
        recent = self.losses[since:]
        row = {
            "step": self.step,
            "epoch": self.step / self.order.steps_per_epoch,
            "seconds": time.monotonic() - self.started,
            "train_loss": sum(recent) / len(recent) if recent else math.nan,
            **self._rates(),
            **figures,
        }
        self.history.append(row)
        self.session.accelerator.log(row, step=self.step)
        self._tell()

    def _tell(self) -> None:
        figures: dict[str, float | str] = {"lr": self._rates()["lr"]}
        if self.losses:
            recent = self.losses[-RECENT:]
            figures = {"loss": sum(recent) / len(recent), **figures}
        if self.keeper.weights is not None:
            figures[f"best {self.session.evaluator.chosen_by.name}"] = self.keeper.figure(self.keeper.score)
        self.reporter.advance(self.step, figures)


def _keeper(session: Session, work: Path) -> Keeper:
    return Keeper(
        work,
        higher_is_better=session.evaluator.chosen_by.higher_is_better,
        soup=session.settings.average == "soup",
        writes=session.accelerator.is_main_process,
    )
