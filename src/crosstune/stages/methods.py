"""Whether what was asked for can act on this data and this model, before time is spent."""

from collections.abc import Mapping
from typing import Any

from crosstune.core.errors import DoesNotApply
from crosstune.stages.answer_size import require_answer_size
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.pretraining_texts import hold_model_to_pretraining, hold_to_pretraining
from crosstune.stages.run import Run
from crosstune.stages.use import gather
from crosstune.training.batchnorm import LEAST_ROWS, batchnorms
from crosstune.training.bound import require_lengths
from crosstune.training.checkpointing import require_checkpointing
from crosstune.training.methods import require_methods
from crosstune.training.neftune import make_noise
from crosstune.training.packing import require_packing
from crosstune.training.quantized import require_quantized
from crosstune.training.strategies import part_of


def hold_to_what_was_asked(run: Run, prepared: Prepared) -> None:
    """Check the settings that a person has chosen against the data and each other.

    Raises:
        DoesNotApply: a method has nothing to act on.
        NoCuda, MissingExtra: ``quantize_base``, without a GPU or the package.
    """
    asked = run.options.settings_overrides()
    domains = prepared.items["train"].domains()
    require_methods(run.settings, domains=None if domains is None else len(domains.present))
    # A recipe that names every key says l2_sp=0 beside it, which leaves nothing open.
    if "l2_sp_head" in asked and "l2_sp" not in asked:
        raise DoesNotApply(
            "`l2_sp_head` is the part of L2-SP on the head, and L2-SP is off",
            found=f"l2_sp_head={asked['l2_sp_head']:g} without l2_sp",
            expected="l2_sp above 0",
            fix="name both, or leave both out",
        )
    _hold_to_strategy(asked)
    require_quantized(run.settings, asked.get("strategy"))
    if asked.get("trial_soup") and (asked.get("trials") == 0 or {"strategy", "lr"} <= asked.keys()):
        raise DoesNotApply(
            "a soup of trials needs trials, and none can be made",
            found="trials=0" if asked.get("trials") == 0 else "strategy and lr are named: nothing is tried",
            expected="trials that vary the strategy or the rate",
            fix="leave out `trial_soup`, or one of the settings that rule trials out",
        )
    hold_to_pretraining(run, prepared)
    if run.options.adapt_to and asked.get("strategy") == "closed-form":
        raise DoesNotApply(
            "a closed-form head was fitted to features with the statistics that adapt_to would change",
            found=f"adapt_to={run.options.adapt_to} with strategy=closed-form",
            expected="a strategy that trains",
            fix="leave out --adapt-to, or the strategy",
        )


def _hold_to_strategy(asked: Mapping[str, Any]) -> None:
    """Refuse what has a meaning under one strategy only where another one, or none, is named."""
    for name, idle, strategy, words in (
        ("surgical_part", "auto", "surgical", "says what moves under another strategy"),
        ("lora_variant", "lora", "lora", "says what the adapters of another strategy are"),
    ):
        if asked.get(name, idle) != idle and asked.get("strategy") != strategy:
            raise DoesNotApply(
                f"`{name}` {words}",
                found=f"{name}={asked[name]}, strategy={asked.get('strategy', 'left open')}",
                expected=f"strategy={strategy}",
                fix=f"add --set strategy={strategy}, or leave `{name}` out",
            )


def hold_model_to_what_was_asked(run: Run, prepared: Prepared, opened: Opened) -> None:
    """Check what was asked for against the model.

    Raises:
        DoesNotApply: it has too few blocks for surgical fine-tuning, or no BatchNorm to be re-estimated, or
            there are too few rows to do so; or a setting goes by lengths, and all inputs cost the same; or
            NEFTune is asked for, and the model reads no tokens; or ``answer_size``, and it reads one size.
        CannotPack: ``packing=on``, and it would change what the model gives.
        CannotCheckpoint: ``gradient_checkpointing=on``, and the model does not offer it.
        NothingToPredict: there are no inputs where ``adapt_to`` says.
    """
    require_lengths(run.settings, opened.backbone)
    make_noise(opened.backbone, run.settings)
    require_packing(run.settings, opened.backbone)
    require_checkpointing(run.settings, opened.backbone)
    require_answer_size(run.options.settings_overrides(), opened.backbone)
    if run.options.settings_overrides().get("strategy") == "surgical":
        part_of("first", len(opened.backbone.blocks))
    if run.options.adapt_to:
        _hold_to_target(opened, prepared, run.options.adapt_to)
    if run.options.pretrain_on:
        hold_model_to_pretraining(opened, prepared, run.options.pretrain_on)


def warn_of_idle_methods(run: Run) -> None:
    """Say which of the methods that were asked for had no part, because nothing was trained."""
    settings, options = run.settings, run.options
    asked = {
        "l2_sp": settings.l2_sp > 0, "coral": settings.coral > 0, "group_dro": settings.group_dro > 0,
        "neftune_alpha": settings.neftune_alpha > 0, "trial_soup": settings.trial_soup,
        "adapt_to": bool(options.adapt_to), "pretrain_on": bool(options.pretrain_on),
    }  # fmt: skip
    idle = [name for name, wanted in asked.items() if wanted]
    if idle:
        sentence = f"{', '.join(idle)} had no part in this run, because nothing was trained"
        run.warnings.append(sentence)
        run.reporter.warn(sentence)


def _hold_to_target(opened: Opened, prepared: Prepared, place: str) -> None:
    if not batchnorms(opened.backbone.model):
        raise DoesNotApply(
            "--adapt-to re-estimates BatchNorm statistics, and this model has none",
            found=f"{opened.backbone.name}, without a BatchNorm that keeps running statistics",
            expected=f"a model with BatchNorm, and at least {LEAST_ROWS} rows to adapt to",
            fix="leave out --adapt-to, or name a convolutional model with --model",
        )
    if (rows := len(gather(saved_model(prepared, opened), [place])[1])) < LEAST_ROWS:
        raise DoesNotApply(
            "BatchNorm statistics of so few rows would be noise",
            found=f"{rows} rows in {place}",
            expected=f"at least {LEAST_ROWS}",
            fix="name more rows with --adapt-to, or leave it out",
        )
