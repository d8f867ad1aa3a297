"""Stage 4: plan the training, carry it out, and decide what is shipped by a paired interval."""

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from crosstune.artifacts.model import SavedModel, head_kept, needed_head, put_head
from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.plan import Plan
from crosstune.evaluation.paired import paired_difference
from crosstune.planning.facts import TimeFacts
from crosstune.planning.make import make_plan, settings_of
from crosstune.planning.strategy import survives
from crosstune.probing.heads import FittedHead, refit
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.ship import write_model
from crosstune.stages.timing import HEAD_EXAMPLES, head_loss, step_seconds
from crosstune.training.result import TrainResult
from crosstune.training.run import train


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What is on disk in ``model/``, and what it was compared with on the validation split."""

    model: SavedModel
    expected: NDArray[Any]
    """Outputs of the model in memory on the first validation examples, when it was written."""
    plan: Plan
    shipped: str
    comparison: str
    candidates: dict[str, NDArray[Any]]
    """Validation outputs ``(N, K)`` of everything that could have been shipped, what was shipped first."""
    result: TrainResult | None = None


def tune(run: Run, prepared: Prepared, opened: Opened, probed: Probed) -> Tuned:
    """Carry the stage out.

    A model is on disk before any gradient is taken, and what is trained replaces it only where it is
    better by a paired interval, or where the user named the strategy.
    """
    closed = _closed_form(run, prepared, opened, probed)
    reserve = reserve_seconds(prepared.facts, opened.facts, trains=True)
    plan, survived = run.once("plan", lambda: _plan(run, prepared, opened, probed, reserve))
    if plan["strategy"] == "closed-form":
        why = plan.decision("strategy").because
        return replace(closed, plan=plan, comparison=f"{closed.comparison} Nothing was trained: {why}.")
    start = _start(probed, plan["strategy"], survives=survived)
    if plan["strategy"] == "lp-ft" and start is None:
        raise BadValue(
            "lp-ft needs a closed-form head that the model's own head can carry",
            found=f"features={plan['features']}, strategy=lp-ft, {opened.backbone.name}",
            expected="features=auto or features=head, and a model whose head has an intercept (no decoder)",
            fix="leave `features` out, or take --set strategy=full",
        )
    result = _train(run, prepared, opened, plan, start, run.budget.reserve(reserve))
    model = saved_model(prepared, opened, needed_head(opened.backbone, prepared.task))
    outputs = model.outputs(prepared.items["validation"], reporter=run.reporter)
    name = f"fine-tuned ({plan['strategy']})"
    named = "strategy" in run.options.settings_overrides()
    ships, comparison = _compare(prepared, name, outputs, closed, named=named)
    run.reporter.say(comparison)
    if not ships:
        candidates = {**closed.candidates, name: outputs}
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


def _start(probed: Probed, strategy: str, *, survives: bool) -> HeadWeights | None:
    """Choose the head that training starts from; ``None`` is a random one.

    Only lp-ft is about the closed-form head; other strategies take it where dropout leaves it its worth.
    """
    if strategy == "lp-ft":
        return probed.native
    return probed.native if strategy not in ("full", "head") and survives else None


def _plan(run: Run, prepared: Prepared, opened: Opened, probed: Probed, reserve: float) -> tuple[Plan, bool]:
    """Decide everything that is open; also say whether the closed-form head is worth starting from."""
    user = run.options.settings_overrides()
    facts = opened.facts
    if user.get("strategy") != "closed-form":
        facts = replace(facts, step_seconds=step_seconds(prepared, opened.backbone))
    if probed.native and user.get("strategy") not in ("closed-form", "full", "head"):
        ratio = head_loss(prepared, opened.backbone, probed.native, run.settings.seed)
        facts = replace(facts, head_loss=ratio)
        run.measurements.append(_head_measurement(ratio))
    time = TimeFacts(left=run.budget.left(), reserve=reserve)
    plan = make_plan(opened.plan, prepared.facts, facts, time, user)
    for decision in plan:
        if decision.because != "the default" and decision.setting not in opened.plan:
            run.decided(decision)
    return plan, survives(facts)


def _head_measurement(ratio: float) -> Measurement:
    return Measurement(
        name="closed-form/in-training-mode",
        candidate="the native closed-form head, dropout on",
        figure="loss over the loss of a constant answer",
        metric=Metric(ratio, ratio, ratio),
        examples=HEAD_EXAMPLES,
        seed=0,
        seconds=0.0,
    )


def _train(
    run: Run, prepared: Prepared, opened: Opened, plan: Plan, start: HeadWeights | None, budget: Budget
) -> TrainResult:
    """Train the opened model in place."""
    result = train(
        opened.backbone,
        prepared.task,
        prepared.items["train"],
        prepared.items["validation"],
        settings_of(plan),
        budget=budget,
        work=run.work,
        reporter=run.reporter,
        head=start,
        trackers=run.options.trackers,
        pass_seconds=opened.facts.pass_seconds,
        resume=run.resumed,
    )
    run.warnings.extend(result.warnings)
    return result


def saved_model(prepared: Prepared, opened: Opened, head: HeadWeights | None = None) -> SavedModel:
    """Give the opened model as it is to be shipped, with a head of its own or with its native one."""
    data = prepared.data
    return SavedModel(
        backbone=opened.backbone, task=prepared.task, head=head, inputs=data.inputs, target=data.target
    )


def _closed_form(run: Run, prepared: Prepared, opened: Opened, probed: Probed) -> Tuned:
    """Choose, refit on training and validation rows, and write the closed-form head."""
    best, reason = _readable(prepared, probed)
    deadline = run.budget.reserve(reserve_seconds(prepared.facts, opened.facts, trains=False))
    head = run.once("refit", lambda: _refit(prepared, probed, best, deadline))
    native = head.features == "head" and opened.backbone.has_intercept
    model = saved_model(prepared, opened, None if native else head)
    with head_kept(opened.backbone):  # training must not start from a head that has seen validation rows
        if native:
            put_head(opened.backbone, head)
        expected = run.once("closed-form", lambda: write_model(run, prepared, model))
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


def _refit(prepared: Prepared, probed: Probed, best: FittedHead, deadline: Budget) -> HeadWeights:
    parts = [probed.features["train"], probed.features["validation"]]
    targets = [probed.encoded["train"], probed.encoded["validation"]]
    known = probed.moments().get(best.head.features)
    return refit(prepared.task, best, parts, targets, moments=known, deadline=deadline)


def _readable(prepared: Prepared, probed: Probed) -> tuple[FittedHead, str]:
    """Choose the best head that every loader can read, unless another is better by a paired interval."""
    best = probed.best
    if not probed.intercept:
        return best, "It is the best closed-form head on validation; the model's own has no intercept."
    native = next((one for one in probed.heads if one.head.features == "head"), best)
    if native is best:
        return best, "It is the best closed-form head on validation."
    gain = _difference(prepared, best.validation_outputs, native.validation_outputs)
    if gain.low > 0:
        return best, f"It beats the best head that other loaders can read by {gain} on validation."
    return (
        native,
        f"Heads over more blocks are not clearly better ({gain}), and other loaders cannot read them.",
    )


def _difference(prepared: Prepared, ours: NDArray[Any], theirs: NDArray[Any]) -> Metric:
    spec = next(iter(prepared.task.metrics.values()))
    return paired_difference(spec, ours, theirs, prepared.encoded["validation"])


def _compare(
    prepared: Prepared, name: str, outputs: NDArray[Any], closed: Tuned, *, named: bool
) -> tuple[bool, str]:
    """Say whether the fine-tuned model ships, and why."""
    gain = _difference(prepared, outputs, closed.candidates[closed.shipped])
    metric = next(iter(prepared.task.metrics))
    against = f"{metric} on validation differs by {gain} from the {closed.shipped}"
    if gain.low > 0:
        return True, f"The {name} model is better: {against}."
    if named:
        return (
            True,
            f"The {name} model ships because its strategy was named, not because it is better: {against}.",
        )
    return False, f"The {name} model is not clearly better, so the {closed.shipped} stays: {against}."
