"""What a launched process does that is not the first: read the same data, and help to train."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crosstune.core.clock import Budget
from crosstune.core.errors import UserError
from crosstune.core.head import HeadWeights
from crosstune.core.plan import Plan
from crosstune.core.processes import shown
from crosstune.core.progress import Silent
from crosstune.core.run_dir import RunDir
from crosstune.options import FitOptions
from crosstune.planning.make import settings_of
from crosstune.stages.company import Company
from crosstune.stages.dialogues import with_dialogue
from crosstune.stages.opening import open_again
from crosstune.stages.pieces import with_pieces
from crosstune.stages.prepare import Prepared, prepare
from crosstune.stages.run import Run
from crosstune.stages.symbols import with_symbols
from crosstune.stages.too_short import without_too_short
from crosstune.stages.windows import with_windows
from crosstune.training.group import joined
from crosstune.training.run import train


def follow(made: Company, options: FitOptions) -> RunDir:
    """Do what a process that does not lead does; returns the run directory of the first, at its end.

    Raises:
        FirstProcessFailed: the first process has ended with an error.
        ResumeMismatch: this process sees other data or another model.
        UserError: this process cannot read what the first one could.
    """
    with TemporaryDirectory(prefix="crosstune-") as scratch:
        run = Run(options, RunDir(Path(scratch)), Budget(), Silent())
        problem: UserError | None = None
        try:
            prepared = prepare(run)
        except UserError as error:  # the first process has met it too, or can do without this one
            problem = error
        about = made.told()
        if about is not None:
            if problem is not None:
                raise problem
            _help(run, prepared, about)
    return made.ended()


def _help(run: Run, prepared: Prepared, about: dict[str, Any]) -> None:
    opened = open_again(run, prepared, *about["opened"])
    prepared = without_too_short(run, with_symbols(run, prepared, opened), opened)
    prepared = with_windows(run, with_pieces(run, prepared, opened), opened)
    prepared = with_dialogue(run, prepared, opened)
    with shown(), joined():
        train(
            opened.backbone, prepared.task, prepared.items["train"], prepared.items["validation"],
            settings_of(about["plan"]), budget=Budget(about["left"]), work=Path(about["work"]),
            reporter=Silent(), head=about["head"], pass_seconds=about["pass_seconds"], resume=about["resume"],
        )  # fmt: skip


def described(
    run: Run, plan: Plan, head: HeadWeights | None, budget: Budget, pass_seconds: float
) -> dict[str, Any]:
    """Give what the others must know to train with the first process."""
    return {
        "opened": run.journal.recall("opened again") or run.journal.recall("opened"),
        "plan": plan,
        "head": head,
        "left": None if budget.seconds is None else budget.left(),
        "work": str(run.work.resolve()),
        "pass_seconds": pass_seconds,
        "resume": run.resumed,
    }
