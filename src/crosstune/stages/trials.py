"""Stage 4: short trainings of the models and configurations that the evidence leaves open."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from crosstune.core.plan import Decision
from crosstune.planning.facts import TimeFacts
from crosstune.planning.gap import opened_by
from crosstune.planning.optimisation import choose_batch_size
from crosstune.planning.seconds import step_seconds
from crosstune.planning.trials import (
    LEAST_STEPS,
    ROWS,
    Contender,
    Rounds,
    Trial,
    allot,
    decide,
    open_choices,
    propose_trials,
    survivors,
    within,
)
from crosstune.probing.intervals import signed
from crosstune.stages.bench import Bench, Tried
from crosstune.stages.losses import choose_loss
from crosstune.stages.opening import Opened, open_candidate, open_planned
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed, drawn_rows, probe
from crosstune.stages.ranking import Ranking
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.timing import timed
from crosstune.tasks.base import MetricSpec

VALIDATION_ROWS = 2000
"""ASSUMED: validation rows of a trial, at most: a difference of two points shows at this number."""

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


def try_out(run: Run, prepared: Prepared, opened: Opened, probed: Probed, ranking: Ranking) -> Chosen:
    """Carry the stage out; where nothing is open, or no trial fits, the rules decide."""
    user = run.options.settings_overrides()
    if user.get("strategy") == "closed-form":
        return Chosen(opened=opened, probed=probed)
    opened = timed(run, prepared, opened, probed)
    loss = choose_loss(run, prepared, probed)
    first = Chosen(opened=opened, probed=probed, measured={"loss": loss} if loss else {})
    user = user | ({"loss": loss.value} if loss else {})
    if not open_choices(user):
        return first
    allotted = run.once("trials allotted", lambda: _rounds(run, prepared, opened))
    if allotted is None:
        return first
    small = _small(prepared, run.settings.seed)
    models = [_leader(run, prepared, small, first), *_others(run, small, ranking, allotted)]
    rounds = run.once("rounds", lambda: _rounds(run, prepared, opened))
    if rounds is None:  # opening the others took the time
        return first
    spec = next(iter(prepared.task.metrics.values()))
    contenders = [Contender(facts=one.opened.facts, depth=_depth(one.probed, spec)) for one in models]
    seen = small.items["train"].domains()
    facts = replace(prepared.facts, domains=None if seen is None else len(seen.present))
    trials = propose_trials(facts, contenders, rounds.count, user, opened_by(run.gap))
    if len(trials) < 2:
        return first
    deadline = run.budget.reserve(reserve_seconds(prepared.facts, opened.facts, trains=True))
    bench = Bench(run=run, small=small, models=models, rounds=rounds, user=user, deadline=deadline)
    won = _winner(bench, trials)
    if won is None:
        return first
    place, decisions = won
    found = {**first.measured, **{one.setting: one for one in decisions}}
    model = models[place]
    if not model.ranked:
        return replace(first, measured=found)
    return _switched(run, prepared, model.ranked, decisions[0], found)


def _winner(bench: Bench, trials: list[Trial]) -> tuple[int, list[Decision]] | None:
    """Make the rounds; returns the place of the best model and what it decides, or nothing at all."""
    run, rounds = bench.run, bench.rounds
    firsts = {trial.contender: trial for trial in reversed(trials)}
    bench.measure_numerics(firsts)
    if rounds.kept and "lr" not in bench.user:
        ends = {place: bench.largest_rate(place, firsts[place]) for place in sorted(firsts)}
        trials = within(trials, ends)
    if not math.isinf(rounds.seconds):
        run.foresee("trials", rounds.seconds * (len(trials) + 2 * rounds.kept))
    rows = bench.small.facts.train_rows
    run.reporter.say(f"{len(trials)} trials of {_length(rounds, 1)}, on {rows:,} rows")
    outcomes = bench.round(trials, 1)
    if rounds.kept:
        kept = survivors(outcomes, rounds.kept)
        run.reporter.say(f"the best {len(kept)} again, {_length(rounds, 2)} each")
        outcomes = bench.round(kept, 2)
    if not any(math.isfinite(one.value) for one in outcomes):
        run.reporter.warn("no trial came to a figure; the rules decide")
        return None
    winner, decisions = decide(outcomes, replace(rounds, count=len(trials)))
    return winner.contender, decisions


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


def _leader(run: Run, prepared: Prepared, small: Prepared, first: Chosen) -> Tried:
    """Take the model that is open; its head must not have seen more rows than those of the others."""
    probed = first.probed
    if probed.heads and small.facts.train_rows < prepared.facts.train_rows:
        probed = probe(run, small, first.opened, place="trials of the first model")
    return Tried(opened=first.opened, probed=probed)


def _others(run: Run, small: Prepared, ranking: Ranking, rounds: Rounds) -> list[Tried]:
    """Open the other models of the shortlist, with heads on the rows of the trials.

    A model that could not make ``LEAST_STEPS`` steps in the time of a trial is left out. Where there are no
    such heads there are no other models: targets of masks and boxes are of the size of the one that is open.
    """
    found = list[Tried]()
    if not small.facts.closed_form:
        return found
    steps = LEAST_STEPS * choose_batch_size(small.facts).value
    able = [row for row in ranking.others if steps * step_seconds(row.facts) <= rounds.seconds]
    for place, row in enumerate(able[: MODELS - 1], start=2):
        opened = open_candidate(run, small, row.candidate)
        probed = probe(run, small, opened, place=f"trials of model {place}")
        opened = timed(run, small, opened, probed)
        found.append(Tried(opened=opened, probed=probed, ranked=row.decisions))
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
