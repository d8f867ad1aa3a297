"""Which loss to train with: compared on the cached features, before any of them trains the model."""

from crosstune.core.clock import Budget
from crosstune.core.plan import Basis, Decision
from crosstune.probing.losses import ADJUSTED, SECONDS, compare_losses
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.run import Run

SHARE = 0.03
"""Of the time left, at most."""


def choose_loss(run: Run, prepared: Prepared, probed: Probed) -> Decision | None:
    """Compare the losses of the task; ``None`` where the user names one, or the default is as good as any.

    Without heads on frozen features there is nothing to compare on, and the default stays. A loss is
    preferred only where its paired interval against the default lies above zero.
    """
    if "loss" in run.options.settings_overrides() or not probed.heads:
        return None
    found = run.once(f"loss of {probed.place}", lambda: _compare(run, prepared, probed))
    if found is None or found.value == prepared.task.losses[0]:
        return None
    return found


def _compare(run: Run, prepared: Prepared, probed: Probed) -> Decision | None:
    features, encoded = probed.features, probed.encoded
    compared = compare_losses(
        prepared.task,
        features["train"].head_input,
        encoded["train"],
        settings=run.settings,
        validation=(features["validation"].head_input, encoded["validation"]),
        deadline=Budget(min(SECONDS, SHARE * run.budget.left())),
    )
    run.measurements.extend(compared.measurements())
    best = compared.best
    if best is None or best.gain is None:
        return None
    gain = f"{best.metric} on validation, better than {compared.default} by {best.gain}"
    run.reporter.say(f"loss: {best.name}, a head on frozen features: {gain}")
    if best.name == ADJUSTED:  # it changes outputs, and is no loss to train with
        return None
    names = tuple(row.name for row in compared.measurements())
    return Decision("loss", best.name, Basis.MEASURED, f"a head on frozen features: {gain}", names)
