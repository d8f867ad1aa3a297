"""After training: the best point between the weights it started from and those it ended with."""

from crosstune.core.clock import Budget
from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.core.plan import Plan
from crosstune.planning.make import settings_of
from crosstune.probing.intervals import measured
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import difference
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.training.interpolate import Interpolation, interpolate
from crosstune.training.judge import put, whole
from crosstune.training.snapshot import Weights

FEWEST = 4
"""Evaluations that must fit into the time left; the tuned model itself is the first of them."""


def take_best_between(
    run: Run, prepared: Prepared, opened: Opened, plan: Plan, start: Weights, *, deadline: Budget
) -> None:
    """Let the model hold the best point of the line, where it surely beats the end (WiSE-FT, Wortsman 2022).

    The points are chosen on validation, so a larger figure is not enough: the paired interval must say so.
    """
    each = prepared.facts.validation_rows * opened.facts.pass_seconds
    if deadline.left() < FEWEST * each:
        return
    end = whole(opened.backbone)
    found = interpolate(
        opened.backbone, prepared.task, prepared.items["train"], prepared.items["validation"],
        settings_of(plan), start=start, budget=deadline, reporter=run.reporter,
    )  # fmt: skip
    run.measurements.extend(_rows(run, prepared, found))
    if found.best is found.tuned:
        return
    gain = difference(prepared, found.best.outputs, found.tuned.outputs)
    if gain.low > 0:
        run.reporter.say(f"the weights at {found.best.alpha:g} of the way are taken: better by {gain}")
        return
    run.reporter.say(f"they are not clearly better than the tuned ones ({gain}), which stay")
    put(opened.backbone, end)


def _rows(run: Run, prepared: Prepared, found: Interpolation) -> list[Measurement]:
    spec = prepared.chosen_by()
    truth = prepared.encoded["validation"]
    figures: list[Metric] = [
        measured(spec, one.outputs, truth, seed=run.settings.seed) for one in found.points
    ]
    return [
        Measurement(
            name=f"interpolation/{one.alpha:g}", candidate=f"{one.alpha:g} of the way to the tuned weights",
            figure=spec.name, metric=metric, examples=len(truth), seed=run.settings.seed,
            seconds=found.seconds / len(found.points),
        )
        for one, metric in zip(found.points, figures, strict=True)
    ]  # fmt: skip
