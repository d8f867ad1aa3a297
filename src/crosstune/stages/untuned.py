"""Stage 3 of tasks without a closed-form head: the model as it comes, on disk and answered with.

What it gives on the test split is kept for the report ("how far is the model without any tuning?"), computed
now because training changes the model in place; its figure is read with all others at the end.
"""

from typing import Any

from numpy.typing import NDArray

from crosstune.stages.opening import Opened
from crosstune.stages.outcome import Tuned, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.ship import write_model

NAME, RANDOM = "pretrained model, not tuned", "model with a random head"


def ship_untuned(run: Run, prepared: Prepared, opened: Opened) -> Tuned:
    """Write the opened model as it is: whatever follows must beat it to replace it.

    Cost: one pass over the validation split, and one over the test split where the head is trained.
    """
    model = saved_model(prepared, opened)
    expected = run.once("untuned", lambda: write_model(run, prepared, model))
    validation = prepared.items["validation"]
    outputs = run.once("untuned on validation", lambda: model.outputs(validation, reporter=run.reporter))
    name = NAME if opened.backbone.head_trained else RANDOM
    if opened.backbone.head_trained:
        run.once("untuned on test", lambda: model.outputs(prepared.items["test"], reporter=run.reporter))
    why = "It is what there is before any training."
    run.reporter.say("a model is on disk; whatever follows must beat it to replace it")
    return Tuned(
        model=model, expected=expected, plan=opened.plan, shipped=name, comparison=why,
        candidates={name: outputs},
    )  # fmt: skip


def untuned_on_test(run: Run) -> dict[str, NDArray[Any]]:
    """Recall what the model without tuning answered on the test split, by its name; empty without."""
    found = run.journal.recall("untuned on test")
    return {} if found is None else {NAME: found[0]}
