"""Stage 3, second half: the best closed-form head, refitted on all labelled rows and written as the model."""

from crosstune.artifacts.model import head_kept, put_head
from crosstune.core.clock import Budget
from crosstune.core.head import HeadWeights
from crosstune.probing.heads import FittedHead, refit
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import Tuned, difference, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.ship import write_model


def ship_closed_form(run: Run, prepared: Prepared, opened: Opened, probed: Probed) -> Tuned:
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
    gain = difference(prepared, best.validation_outputs, native.validation_outputs)
    if gain.low > 0:
        return best, f"It beats the best head that other loaders can read by {gain} on validation."
    return (
        native,
        f"Heads over more blocks are not clearly better ({gain}), and other loaders cannot read them.",
    )
