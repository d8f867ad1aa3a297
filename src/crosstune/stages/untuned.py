"""Stage 3 of tasks without a closed-form head: the model as it comes, on disk and answered with.

What it gives on the test split is kept for the report ("how far is the model without any tuning?"), computed
now because training changes the model in place; its figure is read with all others at the end.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.artifacts.model import SavedModel
from crosstune.core.items import Items
from crosstune.sources.base import Backbone
from crosstune.stages.general_texts import keep_general_losses
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import Tuned, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.ship import write_model
from crosstune.tasks.generation_metrics import TEXT, TOKENS

STRETCH = 4.0
"""ASSUMED: how much shorter or longer than those of the model as it came the answers of a tuned one are
taken to be, in seconds, at most: the prompt is read in any case."""

NAME, RANDOM = "pretrained model, not tuned", "model with a random head"


def ship_untuned(run: Run, prepared: Prepared, opened: Opened) -> Tuned:
    """Write the opened model as it is: whatever follows must beat it to replace it.

    Cost: one pass over the validation split, and one over the test split where the head is trained. A model
    that answers reads some general texts as well.
    """
    model = saved_model(prepared, opened)
    expected = run.once("untuned", lambda: write_model(run, prepared, model))
    validation = prepared.items["validation"]
    outputs, _ = run.once("untuned answers", lambda: _answers(run, model, validation))
    keep_general_losses(run, prepared, opened.backbone)
    name = NAME if opened.backbone.head_trained else RANDOM
    if opened.backbone.head_trained:
        run.once("untuned on test", lambda: model.outputs(prepared.items["test"], reporter=run.reporter))
    why = "It is what there is before any training."
    run.reporter.say("a model is on disk; whatever follows must beat it to replace it")
    return Tuned(
        model=model, expected=expected, plan=opened.plan, shipped=name, comparison=why,
        candidates={name: outputs},
    )  # fmt: skip


def _answers(run: Run, model: SavedModel, items: Items) -> tuple[NDArray[Any], float]:
    """Give the answers to validation, and the seconds that they took."""
    began = time.monotonic()
    return model.outputs(items, reporter=run.reporter), time.monotonic() - began


def answer_seconds(run: Run, backbone: Backbone) -> float | None:
    """Give the seconds of an answer of a model that writes; ``None`` where none does, or none was written.

    They were measured on the model as it came, which often does not know when to stop. A tuned one is taken
    to write about as much as the references have, within ``STRETCH``.
    """
    known = run.journal.recall("untuned answers")
    if known is None or backbone.dialogue is None or not len(known[0][0]):
        return None
    answers, seconds = known[0]
    due = answers[:, TOKENS].astype(np.float64).mean()
    written = np.mean([1 + backbone.dialogue.count(str(text)) for text in answers[:, TEXT]])
    share = min(STRETCH, max(1.0 / STRETCH, float(due / written)))
    return float(seconds / len(answers) * share)


def untuned_on_test(run: Run) -> dict[str, NDArray[Any]]:
    """Recall what the model without tuning answered on the test split, by its name; empty without."""
    found = run.journal.recall("untuned on test")
    return {} if found is None else {NAME: found[0]}
