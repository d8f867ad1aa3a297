"""After training: the best point between the weights it started from and those it ended with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from crosstune.core.clock import Budget
from crosstune.core.errors import CannotKeep
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.data.unrelated.base import UnrelatedSet
from crosstune.planning.keeping import best_point, decide_alpha
from crosstune.planning.make import settings_of
from crosstune.planning.seconds import EXACT
from crosstune.probing.intervals import measured
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import difference
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.watch import Watch, sets_for
from crosstune.training.interpolate import ALPHAS, BOTH_ENDS, Interpolation, Point, interpolate
from crosstune.training.judge import put, starting_weights, whole
from crosstune.training.snapshot import Weights

FEWEST = 4
"""Evaluations that must fit into the time left; the tuned model itself is the first of them."""

KEEPING_SHARE = 0.3
"""ASSUMED: of the time left for training, what judging points may take where a share must be kept."""

BODY_AND_HEAD = "body and head move on a line, from the closed-form head on the pretrained body"
BODY = "the body alone moves on a line, under the tuned head at both ends"
ADAPTERS = {
    "lora": "; of the adapters this is their scale",
    "dora": "; it leads to the weights with DoRA adapters merged, whose rows have new lengths",
    "rslora": "; of the rsLoRA adapters this is their scale",
}
"""By the kind of adapters: what the line is for them."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Where the line starts, and what is watched along it."""

    start: Weights
    own_head: bool
    """Whether the start has a closed-form head of its own; otherwise the tuned head serves at both ends."""
    words: str
    sets: tuple[UnrelatedSet, ...]
    point: float
    """Estimated seconds of judging one point."""
    probes: float
    """Estimated seconds of watching one point."""

    @property
    def seconds(self) -> float:
        """Estimate what judging every point takes, with the start itself as the measure of what is kept."""
        return len(ALPHAS) * (self.point + self.probes) + self.probes

    def reserved(self, run: Run, deadline: Budget) -> Budget:
        """Give training the time less that of judging every point, where a share must be kept."""
        if run.options.keep_at_least is None:
            return deadline
        needed = self.seconds
        left = deadline.left()
        return deadline.reserve(min(needed, KEEPING_SHARE * left)) if left < float("inf") else deadline


def draw_line(
    run: Run, prepared: Prepared, opened: Opened, plan: Plan, head: HeadWeights | None
) -> Line | None:
    """Keep what training starts from; ``None`` where nothing of the body moves.

    Raises:
        CannotKeep: a share must be kept, and no unrelated set is at hand.
    """
    if plan["strategy"] == "head" or not (opened.backbone.pretrained or head is not None):
        return None
    comparable = opened.backbone.pretrained and not opened.backbone.new_parts
    sets, left_out = sets_for(prepared) if comparable else ([], [])
    least = run.options.keep_at_least
    if least is not None and not sets:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out) or "none for this kind of input"
        raise CannotKeep(least, f"no unrelated set ({why})", fix="leave keep_at_least out")
    exact = opened.facts.exact_seconds or EXACT * opened.facts.pass_seconds
    return Line(
        start=whole(opened.backbone) if head is None else starting_weights(opened.backbone, head),
        own_head=head is not None,
        words=(BODY if head is None else BODY_AND_HEAD) + _adapters(plan),
        sets=tuple(sets),
        point=prepared.facts.validation_rows * opened.facts.pass_seconds,
        probes=exact * sum(map(len, sets)),
    )


def _adapters(plan: Plan) -> str:
    return ADAPTERS[plan.value("lora_variant", "lora")] if plan["strategy"] == "lora" else ""


def take_best_between(
    run: Run, prepared: Prepared, opened: Opened, plan: Plan, line: Line | None, *, deadline: Budget
) -> Plan:
    """Let the model hold the best point of the line (WiSE-FT, Wortsman 2022); returns the plan with it.

    The points are chosen on validation, so a larger figure is not enough to replace the tuned model: the
    paired interval must say so. Where ``keep_at_least`` asks for a share, the best of the points that keep
    it is taken; both ends are then judged whatever the time.
    """
    least = run.options.keep_at_least
    if line is None or (least is None and deadline.left() < FEWEST * line.point):
        return plan
    roomy = deadline.left() >= (FEWEST + 1) * (line.point + line.probes)
    watched = bool(line.sets) and (least is not None or roomy)
    end = whole(opened.backbone)
    start = line.start if line.own_head else _with_head(opened, line.start, end)
    watch = Watch.of(opened.backbone, line.sets, start) if watched else None
    found = interpolate(
        opened.backbone, prepared.task, prepared.items["train"], prepared.items["validation"],
        settings_of(plan), start=start, budget=deadline, reporter=run.reporter,
        watch=None if watch is None else partial(watch, opened.backbone),
        choose=partial(_choose, least=least or 0.0),
        alphas=ALPHAS if least is None else BOTH_ENDS, forced=1 if least is None else 2,
    )  # fmt: skip
    run.measurements.extend(_rows(run, prepared, line, found))
    if least is not None:
        decision = decide_alpha(found.best, least, len(found.points), line.words)
        run.decided(decision)
        return plan.extended(decision)
    return plan if found.best is found.tuned else _better(run, prepared, opened, plan, found, end)


def _choose(points: Sequence[Point], *, least: float) -> Point | None:
    return best_point(points, least)


def _better(
    run: Run, prepared: Prepared, opened: Opened, plan: Plan, found: Interpolation, end: Weights
) -> Plan:
    """Keep the best point only where it surely beats the end."""
    best = found.best
    gain = difference(prepared, best.outputs, found.tuned.outputs)
    if gain.low > 0:
        why = f"on validation better than the tuned weights by {gain}"
        run.reporter.say(f"the weights at {best.alpha:g} of the way are taken: {why}")
        evidence = (f"interpolation/{best.alpha:g}",)
        return plan.extended(Decision("alpha", best.alpha, Basis.MEASURED, why, evidence))
    run.reporter.say(f"they are not clearly better than the tuned ones ({gain}), which stay")
    put(opened.backbone, end)
    return plan


def _with_head(opened: Opened, start: Weights, end: Weights) -> Weights:
    """Give the start the tuned head: a random one would make the line meaningless."""
    prefix = f"{opened.backbone.head}."
    return {name: end[name] if name.startswith(prefix) else tensor for name, tensor in start.items()}


def _rows(run: Run, prepared: Prepared, line: Line, found: Interpolation) -> list[Measurement]:
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
            detail={"alpha": one.alpha, "kept": one.kept, "line": line.words},
        )
        for one, metric in zip(found.points, figures, strict=True)
    ]  # fmt: skip
