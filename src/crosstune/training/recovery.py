"""What a run does when a step cannot be made: memory, data workers, numbers that are not finite."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import nn

from crosstune.core.errors import OutOfMemory
from crosstune.core.memory import CAN_BE_MEMORY, is_out_of_memory
from crosstune.training import checkpoints, state
from crosstune.training.checkpointing import obstacle, switch_on
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.loader import Loaded

if TYPE_CHECKING:
    from crosstune.training.loop import Loop

RETRY_FACTOR = 0.1
"""PRIOR: of the rate, for the one retry after a loss that was not finite."""


class Buffers:
    """The buffers of a model before a step, because a forward pass that fails has moved some of them."""

    def __init__(self, model: nn.Module) -> None:
        """Make room for a copy of the statistics that a forward pass in training mode may move."""
        self._live = [buffer for buffer in model.buffers() if buffer.numel()]
        self._before = [torch.empty_like(buffer) for buffer in self._live]

    def remember(self) -> None:
        """Copy them. Cost: microseconds, as they are small."""
        if self._live:
            torch._foreach_copy_(self._before, self._live)

    def put_back(self) -> None:
        """Give them the values of the last :meth:`remember`."""
        if self._live:
            torch._foreach_copy_(self._live, self._before)


def fetch(loop: "Loop", batches: Iterator[list[Loaded]]) -> list[Loaded]:
    """Give the next step's micro-batches; where they cannot be had, the run is saved first.

    A model that is spread over processes cannot be saved by one of them: there the last checkpoint stays.
    """
    try:
        return next(batches)
    except Exception:
        if loop.session.whole is None:
            loop.saver.save(loop)
        raise


def require_out_of_memory(error: Exception) -> None:
    """Raise ``error`` again unless it says that memory has run out."""
    if not is_out_of_memory(error):
        raise error


def halve_micro_batch(loop: "Loop", failure: str, *, begun: bool = True) -> None:
    """Undo what the failed step has moved and go on with micro-batches of half the size.

    The effective batch stays. The step is then the one that a run with this micro-batch from the start would
    make from these weights: order, augmentation and dropout depend on (seed, step) only. Where they hold one
    example already, and ``gradient_checkpointing`` is ``auto``, layers are computed once more from here on.
    ``begun`` is false in trial steps before the first, which put everything back themselves.

    Raises:
        OutOfMemory: that is not possible, or several processes train together.
    """
    session = loop.session
    share = -(-loop.settings.batch_size // session.accelerator.num_processes)
    before = min(session.loader.micro_batch or share, share)
    if (before == 1 and not _may_checkpoint(loop)) or session.accelerator.num_processes > 1:
        raise OutOfMemory("a training step", size=before, failure=failure)
    if begun:
        loop.buffers.put_back()
    _free(loop)
    if before == 1:
        switch_on(loop.model)
        loop.session = replace(session, checkpointing="on")
        loop.warn(
            f"memory ran out in step {loop.step} with one example at once: every layer is computed a second "
            "time in the backward pass from here on, and keeps less (gradient_checkpointing); gradients are "
            "the same, steps take about a third more time"
        )
        return
    after = before // 2
    loop.session = replace(session, loader=replace(session.loader, micro_batch=after))
    loop.warn(
        f"memory ran out in step {loop.step}: micro-batches of {after} instead of {before} from here on; "
        f"the effective batch stays {loop.settings.batch_size}"
    )


def _may_checkpoint(loop: "Loop") -> bool:
    auto = loop.settings.gradient_checkpointing == "auto" and loop.session.checkpointing == "off"
    return auto and not obstacle(loop.model)


def outputs(loop: "Loop") -> NDArray[Any]:
    """Give the outputs on validation, in smaller batches where memory runs out.

    Raises:
        OutOfMemory: not even one example fits, or several processes evaluate together.
    """
    while True:
        evaluator = loop.session.evaluator
        try:
            return evaluator.outputs(loop.session.forward)
        except CAN_BE_MEMORY as error:
            require_out_of_memory(error)
            failure = str(error)
        halve_evaluation(loop, failure)


def halve_evaluation(loop: "Loop", failure: str) -> None:
    """Go on with evaluations in batches of half the size.

    Raises:
        OutOfMemory: they hold one example already, or several processes evaluate together.
    """
    evaluator = loop.session.evaluator
    size = evaluator.batch_size
    if size == 1 or evaluator.accelerator.num_processes > 1:
        raise OutOfMemory("an evaluation", size=size, failure=failure)
    _free(loop)
    loop.session = replace(loop.session, evaluator=replace(evaluator, batch_size=size // 2))
    loop.warn(f"memory ran out in an evaluation: batches of {size // 2} instead of {size} from here on")


def retry_slower(loop: "Loop", error: NonFiniteLoss) -> None:
    """Go back to the newest checkpoint with a tenth of the rate, once, where the settings allow it.

    Raises:
        NonFiniteLoss: the settings do not allow it, or it has been tried.
    """
    if loop.settings.on_non_finite != "retry" or loop.retried:
        raise error
    folder = checkpoints.newest(loop.saver.root, loop.reporter)
    if folder is None:
        raise error
    state.restore(loop, folder, state.read_values(folder))
    loop.warn(f"{error.problem}; found: {error.found}")
    loop.retried, loop.rate_factor = True, RETRY_FACTOR
    loop.warn(
        f"going on from step {loop.step} with {RETRY_FACTOR:g} of the rate; this is tried once, "
        "because on_non_finite=retry allows it"
    )


def _free(loop: "Loop") -> None:
    loop.model.zero_grad(set_to_none=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
