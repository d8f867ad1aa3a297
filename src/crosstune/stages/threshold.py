"""From which score on an answer is shown: chosen on the validation rows, and written into ``model/``."""

from dataclasses import replace

from crosstune.artifacts.manifest import write_task
from crosstune.core.plan import Basis, Decision
from crosstune.stages.outcome import Tuned
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.tasks.structured import WithThreshold

THRESHOLD = "threshold"
"""What a plan calls the choice."""


def settle_threshold(run: Run, prepared: Prepared, made: Tuned) -> tuple[Prepared, Tuned]:
    """Show answers from the score on at which their F1 on validation is largest; other tasks stay.

    What is in ``model/`` is told so in place. Where validation has nothing to go by, the score stays.

    Cost: sorts the boxes that were found on validation.
    Checked by: ``tests/stages/test_threshold.py``.
    """
    task = prepared.task
    if not isinstance(task, WithThreshold):
        return prepared, made
    found = task.choose_threshold(made.candidates[made.shipped], prepared.encoded["validation"])
    if found is None:
        why = "validation has no answer that is right, so that every score is as good"
        decision = Decision(THRESHOLD, task.threshold, Basis.ASSUMED, why)
    else:
        task = task.with_threshold(found.score)
        why = f"from this score on the F1 of what is shown is largest on validation: {found.f1:.3f}"
        decision = Decision(THRESHOLD, round(found.score, 4), Basis.MEASURED, why)
        write_task(run.folder.model, task)
    run.decided(decision)
    model = replace(made.model, task=task)
    return replace(prepared, task=task), replace(made, model=model, plan=made.plan.extended(decision))
