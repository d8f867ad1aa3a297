"""Stage 5: plan the last training, carry it out, and decide what is shipped by a paired interval."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from crosstune.artifacts.model import SavedModel, needed_head
from crosstune.artifacts.temperature import cool
from crosstune.core.adapters import moved
from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Plan
from crosstune.evaluation.temperature import calibrated
from crosstune.planning.facts import TimeFacts
from crosstune.planning.make import make_plan, settings_of
from crosstune.planning.seconds import Training, training_seconds
from crosstune.planning.strategy import survives
from crosstune.stages.adapt import adapt_to_target
from crosstune.stages.answer_size import SETTING as SIZE
from crosstune.stages.answer_size import Sized, choose_answer_size, reserved, warn_of_idle_size
from crosstune.stages.between import Line, draw_line, take_best_between
from crosstune.stages.follow import described
from crosstune.stages.methods import warn_of_idle_methods
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import Tuned, difference, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.reserve import kept_for_pretraining, reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.ship import write_model
from crosstune.stages.soup import take_soup
from crosstune.stages.surgical import choose_part
from crosstune.stages.trials import Chosen
from crosstune.training.judge import whole
from crosstune.training.result import TrainResult
from crosstune.training.run import train


def tune(run: Run, prepared: Prepared, chosen: Chosen, closed: Tuned) -> Tuned:
    """Carry the stage out.

    A model is on disk before any gradient is taken, and what is trained replaces it only where it is
    better by a paired interval, or where the user named the strategy.
    """
    opened, probed = chosen.opened, chosen.probed
    reserve = reserve_seconds(prepared.facts, opened.facts, trains=True)
    reserve += kept_for_pretraining(run, reserve)
    plan = run.once("plan", lambda: plan_training(run, prepared, chosen, reserve))
    if plan["strategy"] == "closed-form":
        warn_of_idle_methods(run)
        why = plan.decision("strategy").because
        plan = _of_what_ships(plan, closed.plan)
        return replace(closed, plan=plan, comparison=f"{closed.comparison} Nothing was trained: {why}.")
    start = probed.start(plan["strategy"], survives=survives(opened.facts))
    if plan["strategy"] == "lp-ft" and start is None:
        raise BadValue(
            "lp-ft needs a closed-form head that the model's own head can carry",
            found=f"features={plan['features']}, strategy=lp-ft, {opened.backbone.name}",
            expected="features=auto or features=head, and a model whose head has an intercept (no decoder)",
            fix="leave `features` out, or take --set strategy=full",
        )
    made = carry_out(run, prepared, chosen, plan, start, run.budget.reserve(reserve))
    plan, model, outputs, result = made.plan, made.model, made.outputs, made.result
    name = f"fine-tuned ({moved(plan)})"
    named = "strategy" in run.options.settings_overrides()
    if run.options.keep_at_least is not None:  # the closed-form head on the base body keeps everything
        named = named and difference(prepared, outputs, closed.candidates[closed.shipped]).value >= 0
    if result.steps:
        ships, comparison = _compare(prepared, name, outputs, closed, named=named)
    else:  # a random head, where there was one to begin with, is no answer to whoever named the strategy
        ships, comparison = False, f"The budget had no room for a step of training: {closed.shipped} stays."
        run.warnings.append(comparison)
    run.reporter.say(comparison)
    if not ships:
        warn_of_idle_size(run, closed.shipped)
        candidates = {**closed.candidates, name: outputs}
        plan = _of_what_ships(plan, closed.plan)
        return replace(closed, plan=plan, comparison=comparison, candidates=candidates, result=result)
    return Tuned(
        model=model,
        expected=write_model(run, prepared, model),
        plan=plan,
        shipped=name,
        comparison=comparison,
        candidates={name: outputs, **closed.candidates},
        result=result,
    )


OPENED = ("model", "image_size", "max_length", "pass_rows")
"""What a plan says about the model that is opened, whatever is trained."""


def _of_what_ships(plan: Plan, closed: Plan) -> Plan:
    """Let the plan of a training that does not ship name the model that does, as it reads its inputs.

    The trials may have preferred another model of the shortlist, and answers may have been tried at another
    size; neither is what ``model/`` holds.
    """
    kept = Plan(tuple(one for one in plan.decisions if one.setting != SIZE or one.basis is Basis.USER))
    differ = [name for name in OPENED if name in closed and kept.value(name) != closed[name]]
    return kept.extended(*(closed.decision(name) for name in differ))


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training gave, before it is compared with anything."""

    plan: Plan
    model: SavedModel
    outputs: NDArray[Any]
    """On validation, ``(N, K)``."""
    result: TrainResult


def carry_out(
    run: Run, prepared: Prepared, chosen: Chosen, plan: Plan, start: HeadWeights | None, deadline: Budget,
    *, work: Path | None = None,
) -> Trained:  # fmt: skip
    """Train as planned, and do what follows a training: soup, interpolation, statistics, temperature.

    ``work`` is the folder of its checkpoints; ``None`` is that of the run's own training.
    """
    opened = chosen.opened
    line = draw_line(run, prepared, opened, plan, start)
    before = line.start if line else whole(opened.backbone) if plan["trial_soup"] else {}
    held = reserved(deadline, prepared, opened, plan)
    ends = line.reserved(run, held) if line else held
    if work is None:
        run.foresee("training", _foreseen(prepared, opened, plan, line, held.left()))
    result = train_planned(run, prepared, opened, plan, start, ends, work=work)
    plan = take_soup(run, prepared, chosen, plan, before, deadline=ends)
    plan = take_best_between(run, prepared, opened, plan, line, deadline=held)
    plan = adapt_to_target(run, prepared, opened, plan)
    model = saved_model(prepared, opened, needed_head(opened.backbone, prepared.task))
    outputs = model.outputs(prepared.items["validation"], reporter=run.reporter)
    sized = Sized(plan=plan, model=model, outputs=outputs)
    if result.steps:  # nothing has been learnt at any size otherwise
        sized = choose_answer_size(run, prepared, opened, plan, model, outputs, deadline=deadline)
    model, outputs = _cooled(run, prepared, sized.model, sized.outputs)
    return Trained(plan=sized.plan, model=model, outputs=outputs, result=result)


def _foreseen(prepared: Prepared, opened: Opened, plan: Plan, line: Line | None, left: float) -> float:
    """Give the seconds of the training that is planned and of the points behind it, as far as time goes."""
    blocks = plan["last_blocks"] if plan["strategy"] == "last" else len(opened.facts.shares)
    blocks = 0 if plan["strategy"] == "head" else blocks
    training = Training(blocks=blocks, epochs=plan["epochs"], cached=plan["cache"] != "off")
    needed = training_seconds(prepared.facts, opened.facts, training)
    return min(needed + (line.seconds if line else 0.0), max(0.0, left))


def _cooled(
    run: Run, prepared: Prepared, model: SavedModel, outputs: NDArray[Any]
) -> tuple[SavedModel, NDArray[Any]]:
    """Divide the outputs by one temperature where that makes the probabilities more honest."""
    if not prepared.facts.closed_form:  # answers are no logits
        return model, outputs
    found = calibrated(prepared.task, outputs, prepared.encoded["validation"], seed=run.settings.seed)
    if found.value == 1.0 or found.before is None or found.after is None:
        return model, outputs
    run.measurements.extend(
        Measurement(
            name=f"temperature/{name}", candidate=f"outputs divided by {divided:.3g}", figure="log loss",
            metric=Metric(one.log_loss, one.log_loss, one.log_loss), examples=found.examples,
            seed=run.settings.seed, seconds=0.0, detail={"calibration error": one.error},
        )
        for name, divided, one in (("before", 1.0, found.before), ("after", found.value, found.after))
    )  # fmt: skip
    run.reporter.say(f"outputs are divided by {found.value:.3g}: {found.because}")
    return cool(model, found.value), outputs / found.value


def plan_training(run: Run, prepared: Prepared, chosen: Chosen, reserve: float) -> Plan:
    """Decide everything that is open; ``reserve`` is what must be left after training, in seconds."""
    opened = chosen.opened
    time = TimeFacts(left=run.budget.left(), reserve=reserve)
    user = run.options.settings_overrides()
    plan = make_plan(opened.plan, prepared.facts, opened.facts, time, user, chosen.measured)
    plan = choose_part(run, prepared, opened, chosen.probed, plan)
    for decision in plan:
        if decision.because != "the default" and decision.setting not in opened.plan:
            run.decided(decision)
    return plan


def train_planned(
    run: Run, prepared: Prepared, opened: Opened, plan: Plan, start: HeadWeights | None, budget: Budget,
    *, work: Path | None = None,
) -> TrainResult:  # fmt: skip
    """Train the opened model in place, together with the other processes where there are some."""

    def carried() -> TrainResult:
        return train(
            opened.backbone,
            prepared.task,
            prepared.items["train"],
            prepared.items["validation"],
            settings_of(plan),
            budget=budget,
            work=work or run.work,
            reporter=run.reporter,
            head=start,
            trackers=() if work else run.options.trackers,
            pass_seconds=opened.facts.pass_seconds,
            resume=run.resumed,
        )

    result = run.company.together(
        lambda: described(run, plan, start, budget, opened.facts.pass_seconds), carried
    )
    run.warnings.extend(result.warnings)
    return result


def _compare(
    prepared: Prepared, name: str, outputs: NDArray[Any], closed: Tuned, *, named: bool
) -> tuple[bool, str]:
    """Say whether the fine-tuned model ships, and why."""
    gain = difference(prepared, outputs, closed.candidates[closed.shipped])
    metric = prepared.chosen_by().name
    against = f"{metric} on validation differs by {gain} from the {closed.shipped}"
    if gain.low > 0:
        return True, f"The {name} model is better: {against}."
    if named:
        return (
            True,
            f"The {name} model ships because its strategy was named, not because it is better: {against}.",
        )
    return False, f"The {name} model is not clearly better, so the {closed.shipped} stays: {against}."
