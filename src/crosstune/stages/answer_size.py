"""At which size a tuned model reads the pictures that it answers: chosen on the validation rows.

Training on crops shows everything larger than it will be seen, and a model answers best where things have
the size that it learnt them at (Touvron et al. 2019, "Fixing the train-test resolution discrepancy",
arXiv:1906.06423). No weight changes; an answer at a larger size takes longer.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from crosstune.artifacts.model import SavedModel
from crosstune.core.clock import Budget
from crosstune.core.errors import DoesNotApply
from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.planning.places import answer_seconds, answer_sides
from crosstune.sources.base import Backbone
from crosstune.sources.dense import at_side
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import difference
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.training.picture_changes import CROP

SETTING = "answer_size"


@dataclass(frozen=True, kw_only=True)
class Sized:
    """A model at the size that was chosen, and its validation outputs."""

    plan: Plan
    model: SavedModel
    outputs: NDArray[Any]


def require_answer_size(asked: Mapping[str, Any], backbone: Backbone) -> None:
    """Raise ``DoesNotApply`` where ``answer_size`` is asked for and the model reads one size only."""
    if asked.get(SETTING) is not None and not backbone.any_side:
        raise DoesNotApply(
            "`answer_size` is for masks by a model whose maps may have any size, and this is none",
            found=f"{SETTING}={asked[SETTING]} with {backbone.name}",
            expected="image-segmentation with a convolutional model of timm, torchvision or a package",
            fix=f"leave `{SETTING}` out; `image_size` is the size at which a model learns",
        )


def sides_to_try(plan: Plan, backbone: Backbone) -> tuple[int, ...]:
    """List the sides that are compared with that of training, smallest first; the user's alone if named."""
    if not backbone.any_side:
        return ()
    asked = plan.value(SETTING)
    if asked is not None:
        return tuple({int(asked)} - {_side(backbone)})
    return answer_sides(_side(backbone)) if CROP in str(plan["augment"]).split("+") else ()


def reserved(deadline: Budget, prepared: Prepared, opened: Opened, plan: Plan) -> Budget:
    """Give training the time less that of the answers at other sizes, now and on the test rows."""
    sides = sides_to_try(plan, opened.backbone)
    if not sides:
        return deadline
    shares = [(side / _side(opened.backbone)) ** 2 for side in sides]
    return deadline.reserve(answer_seconds(prepared.facts, opened.facts, shares))


def choose_answer_size(
    run: Run, prepared: Prepared, opened: Opened, plan: Plan, model: SavedModel, outputs: NDArray[Any],
    *, deadline: Budget,
) -> Sized:  # fmt: skip
    """Answer the validation rows at other sizes, and take the best of those that are certainly better.

    Certainly: the paired 95 % interval against the size of training lies above zero. A size that the user
    has named is taken as it is. Where no time is left for a size it is left out, and that is said.

    Args:
        run: told about the choice; takes a measurement for each size.
        prepared: gives the validation rows.
        opened: gives the seconds of an answer.
        plan: says which changes of pictures training made.
        model: tuned, as it reads pictures in training.
        outputs: its own on the validation rows.
        deadline: until when answers may go on.

    Cost: an answer for each validation row and size.
    Checked by: ``tests/stages/test_answer_size.py``.
    """
    best, gain = Sized(plan=plan, model=model, outputs=outputs), 0.0
    sides, named = sides_to_try(plan, model.backbone), plan.value(SETTING)
    if not sides:
        return best
    side = _side(model.backbone)
    for other in sides:
        seconds = prepared.facts.validation_rows * opened.facts.pass_seconds * (other / side) ** 2
        if named is None and deadline.left() < seconds:
            run.reporter.say(f"no time is left to try answers at {other} px")
            break
        started = time.monotonic()
        tried = replace(model, backbone=at_side(model.backbone, other))
        found = tried.outputs(prepared.items["validation"], reporter=run.reporter)
        metric = difference(prepared, found, outputs)
        row = _measured(
            run, prepared, f"{other} px in place of {side} px", metric, time.monotonic() - started
        )
        run.measurements.append(row)
        if named is None and (metric.low <= 0 or metric.value <= gain):
            continue
        why = f"on validation better than answers at {side} px, the size of training, by {metric}"
        decision = Decision(SETTING, other, Basis.MEASURED, why, (row.name,))
        chosen = plan if named is not None else plan.extended(decision)
        best, gain = Sized(plan=chosen, model=tried, outputs=found), metric.value
    if best.model is not model and named is None:
        run.decided(best.plan.decision(SETTING))
    return best


def warn_of_idle_size(run: Run, shipped: str) -> None:
    """Say that a named ``answer_size`` has no part where what was trained is not what is shipped."""
    asked = run.settings.answer_size
    if asked is not None:
        sentence = f"{SETTING}={asked} had no part in this run: {shipped} is shipped, as it reads pictures"
        run.warnings.append(sentence)
        run.reporter.warn(sentence)


def _side(backbone: Backbone) -> int:
    """Give the side in pixels that pictures of any shape are brought to."""
    return int(backbone.preprocessing.describe()["side"])


def _measured(run: Run, prepared: Prepared, words: str, metric: Metric, seconds: float) -> Measurement:
    return Measurement(
        name=f"answer-size/{words.split()[0]}", candidate=words, figure=prepared.chosen_by().name,
        metric=metric, examples=len(prepared.encoded["validation"]), seed=run.settings.seed, seconds=seconds,
    )  # fmt: skip
