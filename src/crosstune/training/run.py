"""Training: the main path, from an opened model to the best weights that the budget allows."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from crosstune.core.clock import Budget
from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.aside import at_rest_afterwards, own_randomness
from crosstune.training.finish import finish
from crosstune.training.identity import fingerprint
from crosstune.training.loop import Loop
from crosstune.training.parallel import settings_for_parts, way
from crosstune.training.result import TrainResult
from crosstune.training.saver import keep_choices, start_from
from crosstune.training.session import make_accelerator, prepare
from crosstune.training.shards import spread


def train(
    backbone: Backbone,
    task: Task,
    train_items: Items,
    validation_items: Items,
    settings: Settings,
    *,
    budget: Budget,
    work: Path,
    reporter: Reporter,
    head: HeadWeights | None = None,
    trackers: Sequence[str] = (),
    pass_seconds: float | None = None,
    resume: bool = False,
) -> TrainResult:
    """Train ``backbone.model`` in place; afterwards it holds the best weights, in eval mode.

    Best means on validation, by what ``settings.select_by`` says. It makes the steps of ``epochs``, or as
    many as fit into the budget at the speed so far. The caller's random state is left as it was.

    Args:
        backbone: opened with a head of ``task.outputs``.
        task: fitted on the training targets.
        train_items: with targets.
        validation_items: with targets.
        settings: what moves and how.
        budget: ends when training must have ended; reserve what still has to happen afterwards.
        work: folder for checkpoints and ``best.safetensors``, made where it is missing.
        reporter: told about decisions and progress.
        head: closed-form head on the native head's input, to start from; ``lp-ft`` needs it.
        trackers: names of accelerate's trackers, such as ``tensorboard``; none by default.
        pass_seconds: of one example through the frozen model by the fastest engine, where it was measured.
        resume: go on from the newest whole checkpoint under ``work``, bit for bit on the same number of
            threads; with more ``epochs`` than its own also where it has ended. Without: remove older ones.

    Raises:
        NonFiniteLoss, Interrupted, DataWorkerFailed, OutOfMemory, DiskFull: earlier checkpoints stay.
        UserError: of other kinds, for what cannot be carried out; ``training/errors.py`` lists them.

    Checked by: ``tests/training/test_run.py``, ``test_resume.py``, ``test_recovery.py``.
    """
    work.mkdir(parents=True, exist_ok=True)
    accelerator = make_accelerator(settings, work, trackers)
    together = {"world": accelerator.num_processes, "way": way(settings)}
    identity = fingerprint(backbone, task, train_items, validation_items, settings, head, together)
    saved, chosen = start_from(work, identity, settings, reporter, accelerator, resume=resume)
    in_parts = together["way"] == "fsdp"
    chosen = settings_for_parts(chosen) if in_parts else chosen
    with own_randomness(accelerator.device), at_rest_afterwards(backbone), ExitStack() as stack:
        session = prepare(
            backbone, task, train_items, validation_items, chosen,
            accelerator=accelerator, budget=budget, reporter=reporter, head=head, stack=stack,
            pass_seconds=pass_seconds, fingerprint=identity,
        )  # fmt: skip
        session = spread(session) if in_parts else session
        keep_choices(work, session)
        trained = head is not None or backbone.head_trained
        loop = Loop(session, budget=budget, work=work, reporter=reporter, starts_trained=trained, saved=saved)
        loop.run()
        return finish(loop)
