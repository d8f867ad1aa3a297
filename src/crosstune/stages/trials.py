"""Stage 4: short trainings of the models and configurations that the evidence leaves open."""

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.core.plan import Decision
from crosstune.planning.facts import TimeFacts
from crosstune.planning.make import make_plan, settings_of
from crosstune.planning.strategy import survives
from crosstune.planning.trials import (
    ROWS,
    Contender,
    Outcome,
    Rounds,
    Trial,
    allot,
    decide,
    open_choices,
    propose_trials,
    survivors,
)
from crosstune.probing.intervals import figure, measured, signed
from crosstune.stages.opening import Opened, open_candidate, open_planned
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed, drawn_rows, probe
from crosstune.stages.ranking import Ranking
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.timing import start_head, timed
from crosstune.tasks.base import MetricSpec
from crosstune.training.run import train
from crosstune.training.snapshot import moving, restore, take

VALIDATION_ROWS = 2000
"""ASSUMED: validation rows of a trial, at most: a difference of two points shows at this number."""

Z95 = 1.96
"""A 95 % interval reaches this many standard errors to each side."""

MODELS = 3
"""Models of the shortlist that are tried (techniques, A: keep the top three)."""


SECOND = "second model"
"""What the figures of a model begin with that the trials preferred to the ranking's first."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the last training starts from."""

    opened: Opened
    probed: Probed
    measured: Mapping[str, Decision] = field(default_factory=dict)
    """Decisions that the trials took."""


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """One model that takes part."""

    opened: Opened
    probed: Probed
    ranked: Sequence[Decision] = ()
    """How it is named in a plan; empty for the model that is open already."""


def try_out(run: Run, prepared: Prepared, opened: Opened, probed: Probed, ranking: Ranking) -> Chosen:
    """Carry the stage out; where nothing is open, or no trial fits, the rules decide."""
    user = run.options.settings_overrides()
    opened = timed(run, prepared, opened, probed)
    first = Chosen(opened=opened, probed=probed)
    if not open_choices(user) or _rounds(run, prepared, opened) is None:
        return first
    small = _small(prepared, run.settings.seed)
    models = [_leader(run, prepared, small, first), *_others(run, small, ranking)]
    rounds = run.once("rounds", lambda: _rounds(run, prepared, opened))
    if rounds is None:  # opening the others took the time
        return first
    spec = next(iter(prepared.task.metrics.values()))
    contenders = [Contender(facts=one.opened.facts, depth=_depth(one.probed, spec)) for one in models]
    trials = propose_trials(prepared.facts, contenders, rounds.count, user)
    if len(trials) < 2:
        return first
    run.reporter.say(f"{len(trials)} trials of {_length(rounds, 1)}, on {small.facts.train_rows:,} rows")
    outcomes = _round(run, small, models, trials, rounds, 1)
    if rounds.kept:
        kept = survivors(outcomes, rounds.kept)
        run.reporter.say(f"the best {len(kept)} again, {_length(rounds, 2)} each")
        outcomes = _round(run, small, models, kept, rounds, 2)
    winner, decisions = decide(outcomes, replace(rounds, count=len(trials)))
    found = {one.setting: one for one in decisions}
    model = models[winner.contender]
    if not model.ranked:
        return replace(first, measured=found)
    return _switched(run, prepared, model.ranked, decisions[0], found)


def _switched(
    run: Run, prepared: Prepared, ranked: Sequence[Decision], why: Decision, found: dict[str, Decision]
) -> Chosen:  # fmt: skip
    """Open the model that the trials preferred to the ranking's first, for all rows."""
    again = [replace(one, because=why.because, evidence=why.evidence) for one in ranked]
    opened = open_planned(run, prepared, again, name="opened again")
    probed = probe(run, prepared, opened, place=SECOND)
    return Chosen(opened=timed(run, prepared, opened, probed), probed=probed, measured=found)


def _rounds(run: Run, prepared: Prepared, opened: Opened) -> Rounds | None:
    reserve = reserve_seconds(prepared.facts, opened.facts, trains=True)
    time_facts = TimeFacts(left=run.budget.left(), reserve=reserve)
    return allot(prepared.facts, opened.facts, time_facts, run.settings.trials)


def _small(prepared: Prepared, seed: int) -> Prepared:
    """Give the rows that trials see; the data as it is where it is small."""
    items, encoded = drawn_rows(prepared, ROWS, seed)
    held = len(items["validation"])
    if held > VALIDATION_ROWS:
        chosen = range(0, held, -(-held // VALIDATION_ROWS))
        items["validation"] = items["validation"].subset(chosen)
        encoded["validation"] = encoded["validation"][list(chosen)]
    facts = replace(prepared.facts, train_rows=len(items["train"]), validation_rows=len(items["validation"]))
    return replace(prepared, items={**prepared.items, **items}, encoded={**prepared.encoded, **encoded},
                   facts=facts)  # fmt: skip


def _leader(run: Run, prepared: Prepared, small: Prepared, first: Chosen) -> _Tried:
    """Take the model that is open; its head must not have seen more rows than those of the others."""
    probed = first.probed
    if small.facts.train_rows < prepared.facts.train_rows:
        probed = probe(run, small, first.opened, place="trials of the first model")
    return _Tried(opened=first.opened, probed=probed)


def _others(run: Run, small: Prepared, ranking: Ranking) -> list[_Tried]:
    """Open the other models of the shortlist, with heads on the rows of the trials."""
    found = []
    for place, row in enumerate(ranking.others[: MODELS - 1], start=2):
        opened = open_candidate(run, small, row.candidate)
        probed = probe(run, small, opened, place=f"trials of model {place}")
        opened = timed(run, small, opened, probed)
        found.append(_Tried(opened=opened, probed=probed, ranked=row.decisions))
    return found


def _depth(probed: Probed, spec: MetricSpec) -> int | None:
    """Count the blocks behind the one at which the depth curve has come as near its maximum as shows."""
    curve = [one for fitted in probed.heads for one in fitted.measurements if "ridge@" in one.name
             and one.detail and "block" in one.detail]  # fmt: skip
    if not curve:
        return None
    best = max(curve, key=lambda one: signed(spec, one.metric.value))
    reached = [i for i, one in enumerate(curve) if one.metric.high >= best.metric.value >= one.metric.low]
    behind = len(curve) - 1 - min(reached, default=len(curve) - 1)
    return behind or None


def _length(rounds: Rounds, number: int) -> str:
    if math.isinf(rounds.seconds):
        return "one epoch" if number == 1 else "two epochs"
    return f"{number * rounds.seconds:.0f} s"


def _round(
    run: Run, small: Prepared, models: Sequence[_Tried], trials: Sequence[Trial], rounds: Rounds, number: int
) -> list[Outcome]:  # fmt: skip
    """Make the trials of one round, or recall those that an earlier process made."""
    outcomes, spec = [], next(iter(small.task.metrics.values()))
    for place, trial in enumerate(trials):
        model = models[trial.contender]
        name = f"trial/{number}.{place + 1}"
        measurement = run.once(
            name.replace("/", "-"),
            lambda m=model, t=trial, n=name: _trial(run, small, m, t, rounds, number, n),  # type: ignore[misc]
        )
        run.measurements.append(measurement)
        metric, loss = measurement.metric, (measurement.detail or {})["loss"]
        run.reporter.say(f"{measurement.candidate}: {measurement.figure} {metric}, loss {loss:.4g}")
        outcomes.append(Outcome(
            trial=trial, value=signed(spec, metric.value), noise=(metric.high - metric.low) / (2 * Z95),
            loss=loss, shown=str(metric), evidence=name,
        ))  # fmt: skip
    return outcomes


def _trial(
    run: Run, small: Prepared, model: _Tried, trial: Trial, rounds: Rounds, number: int, name: str
) -> Measurement:  # fmt: skip
    """Train one configuration for a short time; the weights come back as they were."""
    began = time.monotonic()
    opened = model.opened
    user = run.options.settings_overrides() | _values(trial, rounds, number)
    seconds = number * rounds.seconds
    plan = make_plan(opened.plan, small.facts, opened.facts, TimeFacts(left=seconds, reserve=0.0), user)
    state = moving(opened.backbone.model, [key for key, _ in opened.backbone.model.named_parameters()])
    before, work = take(state), run.work / "trials"
    try:
        result = train(
            opened.backbone, small.task, small.items["train"], small.items["validation"], settings_of(plan),
            budget=Budget(None if math.isinf(seconds) else seconds), work=work, reporter=run.reporter,
            head=start_head(model.probed, trial.strategy, survives=survives(opened.facts)),
            pass_seconds=opened.facts.pass_seconds,
        )  # fmt: skip
    finally:
        restore(state, before)
        shutil.rmtree(work, ignore_errors=True)
    metric, loss = _judged(small, result.outputs, run.settings.seed)
    return Measurement(
        name=name,
        candidate=f"{opened.label}, {trial.moves}, lr {trial.lr:g}",
        figure=next(iter(small.task.metrics)),
        metric=metric,
        examples=small.facts.train_rows,
        seed=run.settings.seed,
        seconds=time.monotonic() - began,
        detail={"model": opened.label, "moves": trial.moves, "strategy": trial.strategy,
                "last_blocks": trial.last_blocks, "lr": trial.lr, "epochs": result.epochs,
                "round": number, "loss": loss},
    )  # fmt: skip


def _judged(small: Prepared, outputs: NDArray[Any] | None, seed: int) -> tuple[Metric, float]:
    """Give the primary metric with its interval, and the log loss or squared error, of a trial's end."""
    if outputs is None:  # not one step fitted
        return Metric(math.nan, math.nan, math.nan), math.inf
    task, truth = small.task, small.encoded["validation"]
    loss = task.metrics.get("log-loss", task.metrics.get("rmse"))
    first = next(iter(task.metrics.values()))
    return measured(first, outputs, truth, seed=seed), figure(loss or first, outputs, truth)


def _values(trial: Trial, rounds: Rounds, number: int) -> dict[str, object]:
    """Give the settings that make a plan that of a trial."""
    found = {"strategy": trial.strategy, "lr": trial.lr, "last_blocks": trial.last_blocks}
    found |= {"average": "none", "checkpoint_every": 1e9, "evals_per_epoch": 1}
    return found | ({"epochs": float(number)} if math.isinf(rounds.seconds) else {})
