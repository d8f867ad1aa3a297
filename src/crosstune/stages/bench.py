"""Where trials are made: one configuration after the other, on the same rows, for the same time."""

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.errors import OutOfMemory
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.plan import Decision
from crosstune.core.settings import Settings
from crosstune.core.trial import LOSSES
from crosstune.planning.facts import TimeFacts
from crosstune.planning.make import make_plan, settings_of
from crosstune.planning.strategy import survives
from crosstune.planning.trials import Outcome, Rounds, Trial
from crosstune.probing.intervals import figure, measured, signed
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.run import Run
from crosstune.training.aside import unchanged
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.keeper import BEST
from crosstune.training.numerics import numerics_for
from crosstune.training.range_test import range_test
from crosstune.training.run import train

Z95 = 1.96
"""A 95 % interval reaches this many standard errors to each side."""


def finalist(run: Run, name: str) -> Path:
    """Say where the best weights of a trial are kept, where they may go into a soup."""
    return run.work / "finalists" / f"{name.replace('/', '-')}.safetensors"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One model that takes part."""

    opened: Opened
    probed: Probed
    ranked: Sequence[Decision] = field(default=())
    """How it is named in a plan; empty for the model that is open already."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all trials of a run share."""

    run: Run
    small: Prepared
    """The rows that trials see."""
    models: Sequence[Tried]
    rounds: Rounds
    user: Mapping[str, Any]
    """What the user has chosen, and what was decided before."""
    deadline: Budget
    """Of all trials; a run that is taken up late may have less time than they were allotted."""
    numerics: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Precision and memory format, by the place of the model."""

    def measure_numerics(self, firsts: Mapping[int, Trial]) -> None:
        """Measure for each model, with its first trial, what all of its trials compute in."""
        share = self.rounds.count / len(firsts)
        for place, trial in sorted(firsts.items()):
            self.numerics[place] = self.run.once(
                f"numerics {place}",
                lambda t=trial: self._numerics(t, self._budget(share)),  # type: ignore[misc]
            )

    def _numerics(self, trial: Trial, budget: Budget) -> tuple[str, str]:
        opened = self.models[trial.contender].opened
        settings, head = self._settings(trial, 1)
        return numerics_for(
            opened.backbone, self.small.task, self.small.items["train"], settings, budget=budget,
            reporter=self.run.reporter, head=head,
        )  # fmt: skip

    def round(self, trials: Sequence[Trial], number: int) -> list[Outcome]:
        """Make the trials of one round, or recall those that an earlier process made."""
        outcomes, spec = [], self.small.chosen_by()
        for place, trial in enumerate(trials, start=1):
            name = f"trial/{number}.{place}"
            found = self.run.once(
                name.replace("/", "-"),
                lambda t=trial, n=name: self._trial(t, number, n),  # type: ignore[misc]
            )
            self.run.measurements.append(found)
            metric, loss = found.metric, (found.detail or {})["loss"]
            self.run.reporter.say(f"{found.candidate}: {found.figure} {metric}, loss {loss:.4g}")
            noise = (metric.high - metric.low) / (2 * Z95)
            outcomes.append(
                Outcome(trial=trial, value=signed(spec, metric.value), noise=noise, loss=loss,
                        shown=str(metric), evidence=name)
            )  # fmt: skip
        return outcomes

    def largest_rate(self, place: int, trial: Trial) -> float | None:
        """Measure the largest usable rate of one model by a range test; ``None`` where there is no answer."""
        opened = self.models[place].opened
        name = f"range test {place}"

        def compute() -> Measurement:
            settings, head = self._settings(trial, 1)
            test = range_test(
                opened.backbone, self.small.task, self.small.items["train"], settings,
                budget=self._budget(0.5), head=head, share=1.0, reporter=self.run.reporter,
            )  # fmt: skip
            return test.measurement(opened.label, seed=self.run.settings.seed)

        found: Measurement = self.run.once(name, compute)
        self.run.measurements.append(found)
        value = found.metric.value
        return value if math.isfinite(value) else None

    def _trial(self, trial: Trial, number: int, name: str) -> Measurement:
        """Train one configuration for a short time; the weights come back as they were."""
        began = time.monotonic()
        opened, small, work = self.models[trial.contender].opened, self.small, self.run.work / "trials"
        settings, head = self._settings(trial, number)
        device = next(opened.backbone.model.parameters()).device
        outputs, epochs = None, 0.0
        try:
            with unchanged(opened.backbone, device):
                result = train(
                    opened.backbone, small.task, small.items["train"], small.items["validation"], settings,
                    budget=self._budget(number), work=work, reporter=self.run.reporter, head=head,
                    pass_seconds=opened.facts.pass_seconds,
                )  # fmt: skip
            outputs, epochs = result.outputs, result.epochs
            if self.run.settings.trial_soup and (work / BEST).is_file():
                kept = finalist(self.run, name)
                kept.parent.mkdir(parents=True, exist_ok=True)
                (work / BEST).replace(kept)
        except (NonFiniteLoss, OutOfMemory) as error:  # an answer about this configuration, not about the run
            self.run.reporter.say(f"{opened.label}, {trial.moves}, lr {trial.lr:g}: {error.problem}")
        finally:
            shutil.rmtree(work, ignore_errors=True)
        metric, loss = _judged(small, outputs, self.run.settings.seed)
        return Measurement(
            name=name,
            candidate=f"{opened.label}, {trial.moves}, lr {trial.lr:g}",
            figure=small.chosen_by().name,
            metric=metric,
            examples=small.facts.train_rows,
            seed=self.run.settings.seed,
            seconds=time.monotonic() - began,
            detail={"model": opened.label, "moves": trial.moves, "strategy": trial.strategy,
                    "last_blocks": trial.last_blocks, "lr": trial.lr, "epochs": epochs,
                    "round": number, "loss": loss},
        )  # fmt: skip

    def _settings(self, trial: Trial, number: int) -> tuple[Settings, HeadWeights | None]:
        """Make the plan of a trial, and the head that it starts from."""
        model = self.models[trial.contender]
        opened = model.opened
        user = {
            **self.user, "strategy": trial.strategy, "lr": trial.lr, "last_blocks": trial.last_blocks,
            **dict(trial.methods), "average": "none", "checkpoint_every": 1e9, "evals_per_epoch": 1,
        }  # fmt: skip
        if math.isinf(self.rounds.seconds):
            user["epochs"] = float(number)
        time_facts = TimeFacts(left=number * self.rounds.seconds, reserve=0.0)
        plan = make_plan(opened.plan, self.small.facts, opened.facts, time_facts, user)
        head = model.probed.start(trial.strategy, survives=survives(opened.facts))
        settings = settings_of(plan)
        known = self.numerics.get(trial.contender, (settings.precision, settings.memory_format))
        return replace(settings, precision=known[0], memory_format=known[1]), head

    def _budget(self, number: float) -> Budget:
        seconds = number * self.rounds.seconds
        left = min(seconds, self.deadline.left())
        return Budget(None if math.isinf(left) else left)


def _judged(small: Prepared, outputs: NDArray[Any] | None, seed: int) -> tuple[Metric, float]:
    """Give the primary metric with its interval, and what tells those apart that are alike: less is better.

    Where a task has no loss among its metrics, the better figure of two that are alike goes first.
    """
    if outputs is None:  # not one step fitted
        return Metric(math.nan, math.nan, math.nan), math.inf
    own, truth = small.chosen_by(), small.encoded["validation"]
    metric = measured(own, outputs, truth, seed=seed)
    loss = next((name for name in LOSSES if name in small.task.metrics), None)
    if loss is None:
        return metric, -signed(own, metric.value)
    return metric, figure(small.chosen_by(loss), outputs, truth)
