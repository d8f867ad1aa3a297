"""What a model that answers has lost as a language model: its loss on general texts, before and after.

Before is measured on the model as it comes, so that the seconds are known when the training is planned; after
at once behind the training, before the answers of the end: how long those take is a guess until they are
written, and the few seconds of this must not depend on it.
"""

import time

import numpy as np
from numpy.typing import NDArray

from crosstune.artifacts.model import load_model
from crosstune.core.forgetting import LanguageLoss
from crosstune.data.unrelated.base import Held, joined
from crosstune.evaluation.language_loss import loss_rise
from crosstune.frozen.next_token import TextLosses, next_token_losses
from crosstune.sources.base import Backbone
from crosstune.stages.outcome import Tuned, unmoved
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.watch import sets_for

ROWS = 50
"""ASSUMED: texts of a general set on which a language model names the next token: about a thousand tokens."""
BEFORE, AFTER = "general texts before", "general texts after"
"""Names in the journal."""


def general_texts(prepared: Prepared) -> Held:
    """Give the texts: up to 50 of each set that is not the run's own."""
    return joined([one.sample(ROWS) for one in sets_for(prepared)[0] if not one.own])


def keep_general_losses(run: Run, prepared: Prepared, backbone: Backbone) -> None:
    """Measure the model as it comes, where it answers and is pretrained, and note it in the journal.

    Cost: a forward pass over some 2,000 tokens.
    """
    if backbone.dialogue is None or not backbone.pretrained:
        return

    def measure() -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
        texts, began = general_texts(prepared), time.monotonic()
        found = next_token_losses(backbone, texts)
        return found.losses, found.tokens, time.monotonic() - began

    run.once(BEFORE, measure)


def general_seconds_of(run: Run) -> float:
    """Give the seconds that measuring the model as it came has taken; 0 where it was not measured."""
    known = run.journal.recall(BEFORE)
    return 0.0 if known is None or not len(known[0][0]) else float(known[0][2])


def loss_on_general_texts(run: Run, prepared: Prepared, tuned: Tuned) -> LanguageLoss | None:
    """Measure what is in ``model/`` on the same texts; ``None`` where nothing moved or was measured before.

    Cost: the model is opened, and reads what :func:`keep_general_losses` let the base model read.
    Checked by: ``tests/stages/test_general_texts.py``.
    """
    known = run.journal.recall(BEFORE)
    if known is None or not len(known[0][0]) or unmoved(tuned):
        return None

    def measure() -> LanguageLoss | None:
        losses, tokens, _ = known[0]
        shipped = load_model(run.folder.model).backbone
        return language_loss(TextLosses(losses, tokens), next_token_losses(shipped, general_texts(prepared)))

    with run.stage("loss on general texts"):
        found: LanguageLoss | None = run.once(AFTER, measure)
    return found


def language_loss(before: TextLosses, after: TextLosses) -> LanguageLoss | None:
    """Compare two models on the same texts; ``None`` where no text has two tokens."""
    some = before.tokens > 0
    if not some.any():
        return None
    first, second, rise = loss_rise(before.losses[some], after.losses[some], before.tokens[some])
    return LanguageLoss(
        texts=int(some.sum()), tokens=int(before.tokens.sum()), before=first, after=second, rise=rise
    )
