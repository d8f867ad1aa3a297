"""What a continued pretraining reads, and whether it can act: training texts, and texts without labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosstune.core.errors import DoesNotApply
from crosstune.core.processes import launched
from crosstune.core.settings import Settings
from crosstune.data.layout import OUT_OF_DOMAIN
from crosstune.data.unrelated.base import Held
from crosstune.sources.masked import require_masked
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.unlabelled import places, unlabelled
from crosstune.stages.use import NothingToPredict, gather

SETTINGS = ("pretrain_epochs", "pretrain_lr", "mask_share")
"""Settings that act with ``pretrain_on`` only."""
HELD_OUT_ROWS = 2_000
"""Validation texts on which hidden tokens are named, at most."""


@dataclass(frozen=True, kw_only=True)
class PretrainingTexts:
    """Texts to learn from, and texts to judge on; no text is in both, none of them twice."""

    learned: Held
    held_out: Held
    training: int
    """Of the texts, those of the training split."""
    unlabelled: int
    """Of the texts, those that came from the place that was named."""
    repeated: int
    """Rows left out because they repeat another one."""
    evaluated: int
    """Rows left out because the run is validated or tested on exactly this content."""

    @property
    def words(self) -> str:
        """Say how many there are, and how many were left out."""
        left_out = [
            f"{count:,} {why}"
            for count, why in ((self.evaluated, "that validation or test hold too"),
                               (self.repeated, "that repeat others"))
            if count
        ]  # fmt: skip
        return f"{self.training:,} training texts and {self.unlabelled:,} without labels" + (
            f"; left out: {', '.join(left_out)}" if left_out else ""
        )


def pretraining_texts(run: Run, prepared: Prepared, opened: Opened, place: str) -> PretrainingTexts:
    """Read the texts of ``place`` and put them behind the training texts.

    What validation, test or held-out domains hold is left out, so that figures on them stay figures on texts
    that nothing has learned from. What is compared is exact content, as in ``stages/seen.py``.

    Cost: all texts in memory.
    Checked by: ``tests/stages/test_pretraining_texts.py``.
    """
    train, more = prepared.items["train"], unlabelled(run, prepared, opened, place)
    judged = [split for split in ("validation", "test", OUT_OF_DOMAIN) if split in prepared.items]
    known = np.concatenate([prepared.items[split].row_digests.keys() for split in judged])
    keys = np.concatenate([train.row_digests.keys(), more.row_digests.keys()])
    _, first = np.unique(keys, return_index=True)
    single = np.isin(np.arange(len(keys)), first)
    evaluated = np.isin(keys, known)
    taken = np.flatnonzero(single & ~evaluated)
    ours, theirs = taken[taken < len(train)], taken[taken >= len(train)] - len(train)
    held = prepared.items["validation"]
    rows = range(0, len(held), max(1, -(-len(held) // HELD_OUT_ROWS)))
    return PretrainingTexts(
        learned=Held([*train.batch(ours.tolist()), *more.batch(theirs.tolist())]),
        held_out=Held(held.batch(list(rows))),
        training=len(ours),
        unlabelled=len(theirs),
        repeated=int((~single & ~evaluated).sum()),
        evaluated=int(evaluated.sum()),
    )


def hold_to_pretraining(run: Run, prepared: Prepared) -> None:
    """Check what was asked about continued pretraining against the data and the other settings.

    Raises:
        DoesNotApply: it has nothing to act on, or cannot be carried out beside something else.
    """
    asked, defaults, options = run.options.settings_overrides(), Settings(), run.options
    place = options.pretrain_on
    if place is None:
        # A recipe that names every key says the defaults, which ask for nothing.
        idle = [name for name in SETTINGS if name in asked and asked[name] != getattr(defaults, name)]
        if idle:
            raise DoesNotApply(
                f"{', '.join(f'`{name}`' for name in idle)} is about continued pretraining: there is none",
                found=", ".join(f"{name}={asked[name]:g}" for name in idle) + " without pretrain_on",
                expected="unlabelled texts to go on with",
                fix="name them with --pretrain-on, or leave the setting out",
            )
        return
    for stands, found, why in (
        (prepared.task.modality != "text", f"{prepared.task.modality}s", "only texts have tokens to mask"),
        (asked.get("strategy") == "closed-form", "strategy=closed-form",
         "it is judged by the training behind it, and nothing would be trained"),
        (bool(asked.get("trial_soup")), "trial_soup=true",
         "the trials begin from other weights than the pretrained ones"),
        (options.keep_at_least is not None, f"keep_at_least={options.keep_at_least}",
         "what is kept is measured from the weights before it"),
        (launched().world > 1, f"{launched().world} processes",
         "it is carried out by one process, not over several (DDP or FSDP)"),
    ):  # fmt: skip
        if stands:
            raise DoesNotApply(
                f"--pretrain-on cannot act here: {why}",
                found=f"{found} with pretrain_on={place}",
                expected="one process that tunes a text encoder",
                fix="leave out --pretrain-on, or what stands beside it",
            )


def hold_model_to_pretraining(opened: Opened, prepared: Prepared, place: str) -> None:
    """Check the model, and that there are texts at ``place``, before time is spent.

    Raises:
        DoesNotApply: the model cannot name hidden tokens.
        NothingToPredict, UserError: there is nothing that can be read.
    """
    require_masked(opened.backbone)
    if not Path(place).exists():  # a mistyped name would else be taken for a text
        raise NothingToPredict([place], prepared.task.modality)
    gather(saved_model(prepared, opened), places(place, prepared.task.modality))
