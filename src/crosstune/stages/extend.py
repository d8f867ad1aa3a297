"""Extending a run that has ended: its records say again that it goes on, for more epochs than before.

From there on it is a run that was broken off, and is taken up as every other one. What is set back is only
what follows from the number of epochs: that number in the plan, how training ended, and which model is in
``model/``, because the comparison with the closed-form head is made again.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crosstune.core.clock import used_before
from crosstune.core.errors import UserError
from crosstune.core.files import write_json
from crosstune.core.plan import Basis
from crosstune.core.settings import Settings, with_values
from crosstune.core.units import parse_duration
from crosstune.stages.general_texts import AFTER
from crosstune.stages.run import Run
from crosstune.training.checkpoints import newest
from crosstune.training.result import TrainResult

MADE_AGAIN = (
    "tuned", "closed-form", "untuned", "forgetting", AFTER, "pretrained", "kept for pretraining",
)  # fmt: skip
"""Entries of the journal that an extension makes invalid."""


class NotExtendable(UserError):
    """A run cannot go on for more epochs."""

    code = "not-extendable"

    def __init__(self, path: Path, problem: str, *, fix: str = "") -> None:
        """Name the run and what stands against it."""
        super().__init__(
            f"the run `{path}` cannot be extended",
            found=problem,
            expected="a run that has ended, was trained, and kept its last checkpoint",
            fix=fix or f"begin with its model instead: crosstune fit DATA --model {path / 'model'}",
        )


def longer(path: Path, about: dict[str, Any], epochs: float, budget: str | None) -> dict[str, Any]:
    """Give what ``run.json`` holds for the extended run; nothing is written yet.

    Args:
        path: the run directory.
        about: what its ``run.json`` holds.
        epochs: of the whole run, the epochs that are made already included.
        budget: how much longer it may take, such as ``5m``; ``None`` is no limit.

    Raises:
        NotExtendable: the run has not ended.
        BadValue: no number of epochs, or no duration.
    """
    with_values(Settings(), {"epochs": epochs})
    more = parse_duration(budget)
    if not about["finished"]:
        raise NotExtendable(path, "it has not ended", fix=f"let it end first: crosstune resume {path}")
    if not (path / "work" / "journal").is_dir():
        raise NotExtendable(path, "its checkpoints were removed at its end; `fit --extendable` keeps them")
    limit = "none" if more is None else used_before(path / "work") + more
    options = {**about["options"], "epochs": float(epochs), "budget": limit}
    now = datetime.now(tz=UTC).isoformat(timespec="seconds")
    row = {"when": now, "ended": about["finished"], "epochs": float(epochs), "budget": budget or "none"}
    return {**about, "options": options, "finished": None, "extensions": [*about.get("extensions", ()), row]}


def reopen(run: Run, about: dict[str, Any]) -> None:
    """Set the records of a run back so that it goes on; ``run.json`` is written last.

    A kill in between leaves a run that still says it has ended, and can be extended again.

    Raises:
        NotExtendable: nothing was trained, its checkpoint is gone, or there are no more epochs than before.

    Checked by: ``tests/stages/test_extend.py``.
    """
    epochs = about["options"]["epochs"]
    (plan, *noted), result = _ended(run, epochs)
    before = plan["epochs"]
    decision = replace(plan.decision("epochs"), value=epochs, basis=Basis.USER, replaced=before,
                       because=f"the run was extended; it was planned for {before:g}")  # fmt: skip
    run.journal.keep("plan", (plan.extended(decision), *noted))
    for name in MADE_AGAIN:
        run.journal.forget(name)
    write_json(run.folder.options, about)
    run.reporter.say(
        f"extending the run from {result.epochs:.4g} to {epochs:g} epochs; from step {result.steps} on "
        f"the rate is that of a run of {epochs:g} epochs (planned were {before:g}); the best weights so far "
        "stay in the comparison"
    )


def _ended(run: Run, epochs: float) -> tuple[Any, TrainResult]:
    """Recall what was planned, and how training ended.

    Raises:
        NotExtendable: it cannot go on from there.
    """
    root = run.folder.root
    planned, tuned = run.journal.recall("plan"), run.journal.recall("tuned")
    strategy = planned[0]["strategy"] if planned else ""
    if strategy == "closed-form":
        raise NotExtendable(root, "nothing was trained: its strategy is closed-form")
    if strategy in ("gradual", "orca"):
        raise NotExtendable(root, f"its strategy is {strategy}: what moves depends on the epochs")
    checkpoint = newest(run.work / "checkpoints", run.reporter)
    if not (planned and tuned and checkpoint and checkpoint.name.endswith("-end")):
        raise NotExtendable(root, "what it kept for this is not whole")
    result: TrainResult = tuned[0]["result"]
    if epochs <= result.epochs:
        raise NotExtendable(
            root,
            f"{result.epochs:.4g} epochs are made already, and {epochs:g} were asked for",
            fix="name the epochs of the whole run, more than are made",
        )
    return planned, result
