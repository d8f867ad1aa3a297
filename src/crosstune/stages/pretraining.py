"""Stage 5, second half: the same training behind a continued pretraining, which ships where it wins."""

from dataclasses import replace
from typing import NamedTuple

from crosstune.core.adapters import moved
from crosstune.core.errors import OutOfMemory
from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.planning.make import settings_of
from crosstune.planning.seconds import step_seconds
from crosstune.planning.strategy import survives
from crosstune.stages.opening import open_again
from crosstune.stages.outcome import AFTER_PRETRAINING, PRETRAINING, Tuned, difference
from crosstune.stages.prepare import Prepared
from crosstune.stages.pretraining_texts import PretrainingTexts, pretraining_texts
from crosstune.stages.probe import probe
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.ship import write_model
from crosstune.stages.trials import Chosen
from crosstune.stages.tune import Trained, carry_out
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.held_out import HeldOut
from crosstune.training.pretrain import AFTER, BEFORE, HEAD_ALONE, PretrainResult, pretrain

SHARE = 0.4
"""ASSUMED: of the time left after the first training, what the pretraining may take; with ``TUNING_SHARE``
the training behind it has a little more than the first one: it needs a frozen pass of its own."""
PRETRAINED, PARTS_OF_PRETRAINING = "pretrained", ("masked", "tuning")
"""In the work folder of a run: where the checkpoints lie, and the clock as it was when they were written."""
PLACE = "pretrained body"
"""What the figures of heads on the pretrained body begin with."""


class _Outcome(NamedTuple):
    """How it ended."""

    decision: Decision
    trained: Trained | None = None


def take_pretraining(run: Run, prepared: Prepared, chosen: Chosen, made: Tuned) -> Tuned:
    """Pretrain a fresh copy of the body, train it as ``made`` was trained, and ship it where it wins.

    It wins where it is better by a paired interval on validation than what ships now, and than the same
    training without it. The plan, the head's kind and the seed are those of the first training; closed-form
    heads are fitted again on the features of the pretrained body.

    Checked by: ``tests/stages/test_pretraining.py``.
    """
    before = len(run.measurements)
    decision, trained = _attempt(run, prepared, chosen, made)
    _rename(run, before)
    run.decided(decision)
    tuned = f"fine-tuned ({moved(made.plan)})"
    if trained is None:
        return replace(made, plan=made.plan.extended(decision))
    name = f"{tuned} after continued pretraining"
    if decision.value != "kept":
        candidates = {**made.candidates, name: trained.outputs}
        comparison = f"{made.comparison} Continued pretraining was tried and left out: {decision.because}."
        return replace(made, plan=made.plan.extended(decision), candidates=candidates, comparison=comparison)
    return Tuned(
        model=trained.model,
        expected=write_model(run, prepared, trained.model),
        plan=_renamed(trained.plan, made.plan).extended(decision),
        shipped=name,
        comparison=f"The {name} model is better: {decision.because}.",
        candidates={name: trained.outputs, **made.candidates},
        result=trained.result,
    )


def _attempt(run: Run, prepared: Prepared, chosen: Chosen, made: Tuned) -> _Outcome:
    place = run.options.pretrain_on
    assert place is not None  # noqa: S101 - the caller has asked
    known = run.journal.recall("opened again") or run.journal.recall("opened")
    assert known is not None  # noqa: S101 - a model was opened
    opened = open_again(run, prepared, *known)  # with the first weights: those that were opened have moved
    opened = replace(opened, facts=chosen.opened.facts)
    texts = pretraining_texts(run, prepared, opened, place)
    run.reporter.say(f"continued pretraining on {texts.words}")
    reserve = reserve_seconds(prepared.facts, opened.facts, trains=True)
    deadline = run.budget.reserve(reserve)
    run.foresee("continued pretraining", _foreseen(texts, made, chosen, deadline.left()))
    masked, tuning = (run.work / PRETRAINED / part for part in PARTS_OF_PRETRAINING)
    # alpha was about the first training
    plan = Plan(tuple(one for one in made.plan if one.setting != "alpha"))
    try:
        result = pretrain(
            opened.backbone, texts.learned, texts.held_out, settings_of(plan), work=masked,
            budget=run.budget.reserve(reserve + (1.0 - SHARE) * deadline.left()),
            reporter=run.reporter, resume=run.resumed,
        )  # fmt: skip
        _record(run, texts, result)
        if result.steps == 0:
            return _left_out("the budget had no room for a step of it")
        fresh = Chosen(opened=opened, probed=probe(run, prepared, opened, place=PLACE))
        start = fresh.probed.start(made.plan["strategy"], survives=survives(opened.facts))
        trained = carry_out(run, prepared, fresh, plan, start, deadline, work=tuning)
    except (NonFiniteLoss, OutOfMemory) as error:  # an answer about this candidate, not about the run
        return _left_out(f"{error.problem} ({error.found})")
    return _judged(prepared, made, trained, result)


def _judged(prepared: Prepared, made: Tuned, trained: Trained, result: PretrainResult) -> _Outcome:
    """Compare with the same training without it, and with what ships now; both must be beaten."""
    without = f"fine-tuned ({moved(made.plan)})"
    metric = prepared.chosen_by().name
    names = list(dict.fromkeys((without, made.shipped)))
    gains = {name: difference(prepared, trained.outputs, made.candidates[name]) for name in names}
    words = " and by ".join(f"{gain} from the {name}" for name, gain in gains.items())
    wins = all(gain.low > 0 for gain in gains.values())
    why = (
        f"{metric} on validation differs by {words}, after {result.epochs:.3g} epochs of masked language "
        f"modelling ({_learned(result.held_out)})"
    )
    rows = tuple(f"masked/{when}" for when in result.held_out)
    return _Outcome(Decision(PRETRAINING, "kept" if wins else "left out", Basis.MEASURED, why, rows), trained)


def _learned(figures: dict[str, HeldOut]) -> str:
    if AFTER not in figures:
        return "no held-out texts"
    words = [
        f"{figures[when].perplexity:,.1f} {when}" for when in (BEFORE, HEAD_ALONE, AFTER) if when in figures
    ]
    return f"perplexity of held-out texts {', '.join(words)}"


def _left_out(why: str) -> _Outcome:
    return _Outcome(Decision(PRETRAINING, "left out", Basis.MEASURED, why))


def _record(run: Run, texts: PretrainingTexts, result: PretrainResult) -> None:
    """Say what was learned, and put the figures on held-out texts among the evidence."""
    head = (
        f"a new head{' tied to the input embeddings' if result.tied else ''}, because the checkpoint has none"
        if result.new_head else "the checkpoint's own head"
    )  # fmt: skip
    run.reporter.say(
        f"continued pretraining: {result.steps:,} steps, {result.epochs:.3g} epochs, ended by "
        f"{result.stopped}; with {head}"
    )
    run.measurements.extend(
        Measurement(
            name=f"masked/{when}", candidate=f"masked language modelling, {when}",
            figure="nats for each hidden token", metric=Metric(one.loss, one.loss, one.loss),
            examples=len(texts.held_out), seed=run.settings.seed,
            seconds=result.seconds if when == AFTER else 0.0,
            detail={"perplexity": one.perplexity, "named first": one.right, "hidden tokens": one.tokens,
                    "new head": result.new_head, "steps": result.steps, "epochs": result.epochs,
                    "training texts": texts.training, "unlabelled texts": texts.unlabelled,
                    "left out, repeated": texts.repeated, "left out, evaluated on": texts.evaluated},
        )
        for when, one in result.held_out.items()
    )  # fmt: skip


def _foreseen(texts: PretrainingTexts, made: Tuned, chosen: Chosen, left: float) -> float:
    """Give the seconds of the pretraining and of the training behind it, as far as the budget goes."""
    epochs: float = made.plan["pretrain_epochs"] * len(texts.learned) + made.plan["epochs"] * texts.training
    return min(epochs * step_seconds(chosen.opened.facts), left)


def _rename(run: Run, start: int) -> None:
    """Let the measurements of the second training be told from those of the first."""
    for place in range(start, len(run.measurements)):
        row = run.measurements[place]
        if not row.name.startswith(("masked/", "speed/", PLACE)):
            run.measurements[place] = replace(row, name=AFTER_PRETRAINING + row.name)


def _renamed(plan: Plan, before: Plan) -> Plan:
    """Let the decisions that the second training took point to its own measurements."""
    known = {id(decision) for decision in before}
    return Plan(tuple(
        one if id(one) in known
        else replace(one, evidence=tuple(AFTER_PRETRAINING + name for name in one.evidence))
        for one in plan
    ))  # fmt: skip
