"""Stage 2: choose and open the pretrained model, at a size whose frozen pass fits the budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.ranking import model_label
from crosstune.core.settings import Settings
from crosstune.frozen.keys import body_digest
from crosstune.frozen.speed import Speed, pass_speed
from crosstune.planning.candidates import Candidate
from crosstune.planning.facts import PLACES, ModelFacts
from crosstune.planning.make import settle
from crosstune.planning.opening import (
    choose_image_size,
    choose_max_length,
    choose_model,
    choose_pass_rows,
    choose_patched_side,
    shrink_image_size,
)
from crosstune.planning.places import shrink_places
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.catalogue import known
from crosstune.sources.errors import UnknownModel
from crosstune.sources.registry import open_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run
from crosstune.training.errors import ResumeMismatch


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The model to start from, the decisions that led to it, and its speed here."""

    backbone: Backbone
    plan: Plan
    facts: ModelFacts

    @property
    def label(self) -> str:
        """Name the model and the size that it is opened at."""
        return model_label(self.backbone.name, self.plan.value("image_size"))


def open_planned(
    run: Run, prepared: Prepared, ranked: Sequence[Decision] = (), *, name: str = "opened"
) -> Opened:
    """Carry the stage out, or open again what an earlier process has chosen.

    Args:
        run: told about decisions.
        prepared: the data.
        ranked: decisions about model and size that come from a ranking.
        name: of the entry in the journal; a second model has its own.
    """
    known = run.journal.recall(name)
    if known is not None:
        return open_again(run, prepared, *known)
    opened, side = _choose(run, prepared, ranked)
    digest = body_digest(opened.backbone, head=True)
    run.journal.keep(name, (opened.plan, opened.facts, side, digest))
    return opened


def open_candidate(run: Run, prepared: Prepared, candidate: Candidate) -> Opened:
    """Open a model as it would be compared with others, and time it; nothing is decided by it."""
    user = run.options.settings_overrides()
    plan = Plan(tuple(
        Decision(setting, value, Basis.ASSUMED, "a candidate")
        for setting, value in (("model", candidate.model), ("pass_rows", None))
    ))  # fmt: skip
    if prepared.facts.modality == "text":
        plan = settle(plan, choose_max_length(prepared.facts), user)
    options = _open_options(prepared, plan, run.settings)
    if candidate.image_size is not None and not {"image_size", "resize"} & user.keys():
        plan = plan.extended(Decision("image_size", candidate.image_size, Basis.ASSUMED, "a candidate"))
        options = replace(options, image_size=candidate.image_size)
    backbone = open_model(candidate.model, replace(options, pretrained=candidate.pretrained))
    facts = _model_facts(backbone, _speed(run, prepared, backbone))
    return Opened(backbone=backbone, plan=plan, facts=facts)


def _choose(run: Run, prepared: Prepared, ranked: Sequence[Decision]) -> tuple[Opened, int | None]:
    user = run.options.settings_overrides()
    plan = _named_model(run, prepared, ranked)
    if prepared.facts.modality == "text":
        plan = settle(plan, choose_max_length(prepared.facts), user)
    options = _open_options(prepared, plan, run.settings)
    if "image_size" in plan:
        options = replace(options, image_size=plan["image_size"])
    sized = "image_size" in plan or bool({"image_size", "resize"} & user.keys())
    if sized:
        backbone = _open(run, plan["model"], options)
    else:
        plan, options, backbone = _open_sized(run, prepared, plan, options)
    speed = _speed(run, prepared, backbone)
    smaller = _smaller(run, prepared, plan, backbone, speed, ranked=sized)
    if smaller is not None:
        plan = settle(plan, smaller, user)
        options = replace(options, image_size=smaller.value)
        backbone = _open(run, plan["model"], options)
        speed = _speed(run, prepared, backbone)
    return _opened(run, prepared, plan, backbone, speed), options.image_size


def _open_sized(
    run: Run, prepared: Prepared, plan: Plan, options: OpenOptions
) -> tuple[Plan, OpenOptions, Backbone]:
    """Open the model at the size that the pictures ask for, and say so in the plan.

    Where the catalogue knows the model's own size it is opened once; otherwise its own size is seen first.
    """
    name, user = plan["model"], run.options.settings_overrides()
    listed = known(name)
    own = listed.image_size if listed is not None else None
    tried = options
    if own is not None:
        size = choose_image_size(prepared.facts, own)
        tried = options if size.value == own else replace(options, image_size=size.value)
        backbone = _open(run, name, tried)
        if _side(backbone) == size.value and not backbone.new_parts:
            return settle(plan, size, user), tried, backbone
    if own is None or tried is not options:
        backbone = _open(run, name, options)
    native = _side(backbone)
    if backbone.new_parts:
        size = choose_patched_side(prepared.facts, run.settings.patch)
    elif native is not None:
        size = choose_image_size(prepared.facts, native)
    else:
        return plan, options, backbone
    plan = settle(plan, size, user)
    if plan["image_size"] != native:
        options = replace(options, image_size=plan["image_size"])
        backbone = _open(run, name, options)
    return plan, options, backbone


def _smaller(
    run: Run, prepared: Prepared, plan: Plan, backbone: Backbone, speed: Speed, *, ranked: bool
) -> Decision | None:
    """Choose a smaller input where the size is ours to choose and the budget asks for it.

    A size that models were compared at stays, unless too little training would fit at it.
    """
    user = run.options.settings_overrides()
    side, seconds = plan.value("image_size"), run.options.seconds
    asked = {"image_size", "resize"} & user.keys()
    if side is None or seconds is None or asked or backbone.new_parts:
        return None
    if prepared.facts.task in PLACES:
        facts = _model_facts(backbone, speed)
        left = run.budget.left() - reserve_seconds(prepared.facts, facts, trains=True)
        return shrink_places(prepared.facts, side, speed.rate, left)
    return None if ranked else shrink_image_size(prepared.facts, side, speed.rate, seconds)


def _named_model(run: Run, prepared: Prepared, ranked: Sequence[Decision]) -> Plan:
    """Begin the plan with the model: the user's, the ranking's, or the default."""
    user = run.options.settings_overrides()
    if run.options.model != "auto" and not prepared.facts.closed_form:
        plan = Plan((Decision("model", run.options.model, Basis.USER, "set by the user"),))
        run.decided(plan.decision("model"))
        return plan
    decision = choose_model(prepared.facts)
    if run.options.model != "auto":
        plan = Plan((decision.by_user(run.options.model),))
    elif ranked:
        plan = Plan()
        for one in ranked:
            plan = settle(plan, one, user)
    else:
        plan = Plan((decision,))
    run.decided(plan.decision("model"))
    return plan


def _opened(run: Run, prepared: Prepared, plan: Plan, backbone: Backbone, speed: Speed) -> Opened:
    """Decide how many rows the pass covers, and tell what was decided."""
    facts = _model_facts(backbone, speed)
    left = run.budget.left() - reserve_seconds(prepared.facts, facts, trains=False)
    user = run.options.settings_overrides()
    widths = backbone.pooled_widths
    rows = choose_pass_rows(prepared.facts, (widths[-1], sum(widths)), speed.rate, left)
    plan = settle(plan, rows, user)
    for note in backbone.notes:
        run.reporter.warn(note)
    for setting in ("image_size", "max_length", "pass_rows"):
        if plan.value(setting) is not None:
            run.decided(plan.decision(setting))
    run.reporter.say(f"{backbone.name}: {len(backbone.blocks)} blocks, {backbone.licence}, {backbone.origin}")
    return Opened(backbone=backbone, plan=plan, facts=facts)


def open_again(
    run: Run, prepared: Prepared, plan: Plan, facts: ModelFacts, image_size: int | None, digest: str
) -> Opened:
    """Open the model that was chosen, at the sizes that were chosen, and hold it to its weights."""
    options = _open_options(prepared, plan, run.settings)
    backbone = _open(run, plan["model"], replace(options, image_size=image_size))
    if (found := body_digest(backbone, head=True)) != digest:
        raise ResumeMismatch("pretrained model", f"weights {found[:16]} of {backbone.name}", digest[:16])
    return Opened(backbone=backbone, plan=plan, facts=facts)


def _open_options(prepared: Prepared, plan: Plan, settings: Settings) -> OpenOptions:
    return OpenOptions(
        task=prepared.task.name,
        outputs=prepared.task.outputs,
        pretrained=settings.pretrained,
        image_size=settings.image_size,
        resize=settings.resize,
        max_length=plan.value("max_length"),
        max_seconds=settings.max_seconds,
        dropout=settings.dropout,
        language=settings.language,
        symbols=getattr(prepared.task, "symbols", None),
        patch=settings.patch,
        decoder=settings.decoder,
        body=settings.body,
        seed=settings.seed,
    )


def _open(run: Run, name: str, options: OpenOptions) -> Backbone:
    """Open the model; with ``fallback=random`` from random weights where its own cannot be had."""
    try:
        return open_model(name, options)
    except UnknownModel as error:
        if run.settings.fallback != "random" or not options.pretrained:
            raise
        backbone = open_model(name, replace(options, pretrained=False))
        alarm = f"RANDOM WEIGHTS: the pretrained weights of {name} cannot be had here ({error.found})"
        if alarm not in run.warnings:
            run.warnings.append(alarm)
            run.reporter.warn(alarm)
        return backbone


def _convolutional(backbone: Backbone) -> bool:
    return all(block.layout in ("BCHW", "BC") for block in backbone.blocks)


def _side(backbone: Backbone) -> int | None:
    """Return the side of the input where the preprocessing is ours to size."""
    side = backbone.preprocessing.describe().get("size")
    return side if isinstance(side, int) and _convolutional(backbone) else None


def _speed(run: Run, prepared: Prepared, backbone: Backbone) -> Speed:
    rows = prepared.facts.train_rows + prepared.facts.validation_rows
    return pass_speed(
        backbone,
        prepared.items["train"],
        engine="torch" if backbone.dense else run.settings.engine,  # what answers it later
        examples=rows,
        reporter=run.reporter,
    )


def _model_facts(backbone: Backbone, speed: Speed) -> ModelFacts:
    return ModelFacts(
        name=backbone.name,
        width=backbone.blocks[-1].width,
        shares=tuple(block.share for block in backbone.blocks),
        convolutional=_convolutional(backbone),
        pretrained=backbone.pretrained,
        crosses=bool(backbone.new_parts),
        pass_seconds=1.0 / speed.rate,
        exact_seconds=1.0 / speed.rate if speed.exact else None,
    )
