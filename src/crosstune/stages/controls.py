"""Stage 7, on request: the controls of a model that changes its modality, each a training like the run's own.

An arm is the run with other settings: the same stages open it, sweep its rate with the first seed, plan and
train it, on the same rows. What has been made is recalled when the run is taken up, arm by arm, seed by seed.
"""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from crosstune.core.adapters import moved
from crosstune.core.clock import Budget
from crosstune.core.controls import Control, Controls, Gain
from crosstune.core.plan import Basis
from crosstune.core.run_dir import RunDir
from crosstune.evaluation.seeds import seeded
from crosstune.planning.controls import RAW, Arm, propose_arms, questions
from crosstune.planning.strategy import survives
from crosstune.probing.baselines import baselines
from crosstune.reports.controls import answer
from crosstune.sources.errors import UnknownModel
from crosstune.stages.opening import open_planned
from crosstune.stages.outcome import Tuned, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import probe, unprobed
from crosstune.stages.ranking import Ranking, propose
from crosstune.stages.run import Run
from crosstune.stages.trials import try_out
from crosstune.stages.tune import plan_training, train_planned

FOLDER = "controls"
"""Inside the work folder of the run."""

SHARE = 0.5
"""ASSUMED: of the budget, the time of each training where the run itself trained nothing."""

SWEEP = 0.5
"""ASSUMED: of the time of a training, what the sweep of its rate may take at least."""

NOT_OURS = {"controls": False, "extendable": False, "trackers": (), "models": ()}
"""What an arm does not take from the options of the run."""


@dataclass(frozen=True, kw_only=True)
class _Made:
    """One arm after all seeds."""

    control: Control
    outputs: list[NDArray[Any]]


def compare_controls(run: Run, prepared: Prepared, tuned: Tuned) -> Controls | None:
    """Carry the stage out; nothing where no controls were asked for.

    Every training gets the epochs of the run's own plan, and at most the time that its own took. Cost: about
    eighteen such trainings with three seeds, three short ones for each arm, beyond the budget of the run.
    """
    if not run.options.controls:
        return None
    arms = propose_arms(_own_model(run, prepared))
    seeds = run.options.control_seeds
    run.reporter.say(f"controls: {len(arms)} arms with {seeds} seeds each, beyond the budget")
    made, skipped = {}, []
    for arm in arms:
        try:
            made[arm.name] = _arm(run, prepared, tuned, arm)
        except UnknownModel as error:
            skipped.append((arm.name, error.problem))
            continue
        run.reporter.say(f"{arm.name}: {_figure(prepared)} {made[arm.name].control.metric} on test")
    made[RAW] = _raw(prepared)
    controls = Controls(
        rows=tuple(one.control for one in made.values()),
        gains=_gains(prepared, made, tuned.plan.value("strategy", "")),
        seeds=seeds,
        examples=len(prepared.items["test"]),
        read="texts",
        skipped=tuple(skipped),
    )
    run.reporter.say(answer(controls, _figure(prepared)))
    return controls


def _figure(prepared: Prepared) -> str:
    return next(iter(prepared.task.metrics))


def _own_model(run: Run, prepared: Prepared) -> str | None:
    """Name the first model of the catalogue that reads such data and opens here."""
    here = [one.model for one in propose(run, prepared) if one.pretrained]
    return here[0] if here else None


def _arm(run: Run, prepared: Prepared, tuned: Tuned, arm: Arm) -> _Made:
    """Train one arm with every seed; one sweep, the run's own or that of the first seed, gives the rate."""
    began = time.monotonic()
    limit = _training_seconds(run, tuned)
    own = _own_sweep(run, tuned, arm)
    found: list[Mapping[str, Any]] = []
    for number in range(run.options.control_seeds):
        rate = {"lr": tuned.plan["lr"]} if own else {"lr": found[0]["lr"]} if found else {}
        changes = {**arm.changes, **rate}
        sub = _sub_run(run, tuned, arm, changes, number)
        found.append(sub.once("control", lambda s=sub: _train(s, prepared, arm, limit)))  # type: ignore[misc]
        for spent in ("checkpoints", "trials"):
            shutil.rmtree(sub.work / spent, ignore_errors=True)
        for weights in sub.work.glob("*.safetensors"):
            weights.unlink()
    outputs = [one["outputs"] for one in found]
    spec = next(iter(prepared.task.metrics.values()))
    metric, values = seeded(spec, outputs, prepared.encoded["test"])
    first = found[0]
    control = Control(
        name=arm.name, model=first["model"], strategy=first["strategy"], pretrained=first["pretrained"],
        metric=metric, values=values, lr=first["lr"], swept=tuple(map(tuple, own or first["swept"])),
        seconds=time.monotonic() - began,
    )  # fmt: skip
    return _Made(control=control, outputs=outputs)


def _sub_run(run: Run, tuned: Tuned, arm: Arm, changes: Mapping[str, Any], number: int) -> Run:
    """Make the run of one arm and one seed: the run's own options, its epochs and loss, and the changes."""
    plan, seconds = tuned.plan, _seconds(run, _training_seconds(run, tuned))
    kept = {name: plan[name] for name in ("model", "batch_size", "loss") if name in plan}
    if "epochs" in plan:
        kept["epochs"] = max(1.0, arm.share * plan["epochs"])
    free = {} if "lr" in changes else {"lr": None, "head_lr": None}
    own = {**NOT_OURS, **kept, **free, "budget": seconds or "none", "seed": run.settings.seed + number}
    options = run.options.model_copy(update={**own, **changes})
    folder = RunDir(run.work / FOLDER / f"{arm.name.replace(' ', '-').replace(chr(39), '')}-{number}")
    folder.root.mkdir(parents=True, exist_ok=True)
    return Run(options, folder, Budget(seconds), run.reporter, resumed=run.resumed)


def _training_seconds(run: Run, tuned: Tuned) -> float | None:
    """Say how long the run's own training took, in whatever process; ``None`` without a budget."""
    if run.options.seconds is None:
        return None
    return SHARE * run.options.seconds if tuned.result is None else tuned.result.seconds


def _seconds(run: Run, training: float | None) -> float | None:
    """Say how long one arm may take with one seed: its training as long as the run's own, and its sweep.

    The sweep keeps free what a whole run needs at its end, so that is added.
    """
    if training is None:
        return None
    trials = sum(row.seconds for row in run.measurements if row.name.startswith("trial/"))
    end = sum(run.seconds.get(stage, 0.0) for stage in ("reload and predict", "figures"))
    return training + max(trials, SWEEP * training) + end


def _train(sub: Run, prepared: Prepared, arm: Arm, limit: float | None) -> dict[str, Any]:
    """Open, sweep, plan and train for ``limit`` seconds; gives test outputs ``(N, K)`` and choices."""
    opened = open_planned(sub, prepared)
    probed = unprobed(prepared) if arm.crosses else probe(sub, prepared, opened)
    chosen = try_out(sub, prepared, opened, probed, Ranking())
    opened = chosen.opened
    plan = sub.once("plan", lambda: plan_training(sub, prepared, chosen, reserve=0.0))
    start = probed.start(plan["strategy"], survives=survives(opened.facts))
    train_planned(sub, prepared, opened, plan, start, Budget(limit))
    outputs = saved_model(prepared, opened).outputs(prepared.items["test"], reporter=sub.reporter)
    return {
        "outputs": outputs, "lr": plan["lr"], "model": plan["model"], "strategy": moved(plan),
        "pretrained": opened.backbone.pretrained, "swept": _swept(sub),
    }  # fmt: skip


def _swept(sub: Run) -> list[list[float]]:
    return [[trial["lr"], value] for trial, value in _first_trials(sub)]


def _first_trials(run: Run) -> list[tuple[Mapping[str, Any], float]]:
    """Give every trial of the first round, and its figure."""
    trials = [row for row in run.measurements if row.name.startswith("trial/1.")]
    return [(row.detail or {}, row.metric.value) for row in trials]


def _own_sweep(run: Run, tuned: Tuned, arm: Arm) -> list[list[float]]:
    """Give the sweep that the run has made already, where the arm is the run itself; else nothing."""
    strategy = tuned.plan.value("strategy")
    if arm.changes != {"strategy": strategy} or tuned.plan.decision("lr").basis is not Basis.MEASURED:
        return []
    tried = [[trial["lr"], value] for trial, value in _first_trials(run) if trial["strategy"] == strategy]
    return tried if len(tried) > 1 else []


def _raw(prepared: Prepared) -> _Made:
    """Take the linear baseline for the arm without embedder and body; it has no seed and no rate."""
    items, encoded = prepared.items, prepared.encoded
    found = baselines(prepared.task, items["train"], encoded["train"], items["test"])
    name = list(found)[-1]
    spec = next(iter(prepared.task.metrics.values()))
    metric, values = seeded(spec, [found[name]], prepared.encoded["test"])
    control = Control(name=RAW, model="", strategy=name, pretrained=False, metric=metric, values=values)
    return _Made(control=control, outputs=[found[name]])


def _gains(prepared: Prepared, made: Mapping[str, _Made], strategy: str) -> tuple[Gain, ...]:
    spec, truth = next(iter(prepared.task.metrics.values())), prepared.encoded["test"]
    pairs = [pair for pair in questions(strategy) if {*pair} <= made.keys()]
    return tuple(
        Gain(
            ours=ours,
            theirs=theirs,
            metric=seeded(spec, made[ours].outputs, truth, theirs=made[theirs].outputs)[0],
        )
        for ours, theirs in pairs
    )
