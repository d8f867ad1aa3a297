"""After training: a greedy soup of the tuned model and the trials of its kind, where validation allows it."""

from pathlib import Path

from crosstune.core.clock import Budget
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.planning.make import settings_of
from crosstune.stages.bench import finalist
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.trials import Chosen
from crosstune.training.judge import whole
from crosstune.training.snapshot import Weights, write
from crosstune.training.soups import soup_of_runs


def take_soup(
    run: Run, prepared: Prepared, chosen: Chosen, plan: Plan, start: Weights, *, deadline: Budget
) -> Plan:
    """Let the model hold the soup of itself and the finalists of the trials, where one is asked for.

    A greedy soup takes an ingredient only where the figure on validation does not fall, so the result is
    never below the tuned model there. Ingredients are the trials of the last round of the same model: they
    began from the same weights, with heads of one shape.

    Checked by: ``tests/stages/test_soup.py``.
    """
    if not plan["trial_soup"]:
        return plan
    files = _finalists(run, chosen)
    if not files:
        why = "no trial of the model was made, so nothing can be mixed"
        decision = Decision("soup", "none", Basis.MEASURED, why)
        run.decided(decision)
        return plan.extended(decision)
    tuned = run.work / "tuned.safetensors"
    write(tuned, whole(chosen.opened.backbone))
    found = soup_of_runs(
        chosen.opened.backbone, prepared.task, prepared.items["train"], prepared.items["validation"],
        settings_of(plan), start=start, files=[tuned, *files.values()], budget=deadline,
        reporter=run.reporter,
    )  # fmt: skip
    names = ("tuned", *files)
    held = [names[position] for position in found.kept]
    spec = prepared.chosen_by()
    sign = 1.0 if spec.higher_is_better else -1.0
    why = (
        f"greedy, best first: {spec.name} on validation {sign * found.score:.4f}, "
        f"of the tuned model alone {sign * found.scores[0]:.4f}"
    )
    decision = Decision("soup", " + ".join(held), Basis.MEASURED, why, tuple(files))
    run.decided(decision)
    return plan.extended(decision)


def _finalists(run: Run, chosen: Chosen) -> dict[str, Path]:
    """Name the trials of the last round that trained the chosen model and came to a figure."""
    if "strategy" not in chosen.measured:
        return {}
    rows = {one.name: one for one in run.measurements}
    found = {}
    for name in chosen.measured["strategy"].evidence:
        detail, path = rows[name].detail or {}, finalist(run, name)
        if detail.get("model") == chosen.opened.label and path.is_file():
            found[name] = path
    return found
