"""From the number of a step to its micro-batches, encoded and ready, a little ahead of the loop."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from crosstune.core.domains import Domains
from crosstune.core.items import Items
from crosstune.frozen.activations import Activations
from crosstune.frozen.background import background
from crosstune.sources.base import Batch, Preprocessing
from crosstune.tasks.base import Task
from crosstune.tasks.structured import InPictures, Structured, TeacherForced
from crosstune.training.augment import Augmenter
from crosstune.training.bound import Bound
from crosstune.training.encoding import encode
from crosstune.training.errors import DataWorkerFailed
from crosstune.training.mixing import mix
from crosstune.training.order import Order, shares
from crosstune.training.prepared import PreparedInputs

AHEAD = 2
"""Steps that are prepared before they are asked for."""
WORKER_SECONDS = 600.0
"""A worker that gives nothing for so long is an error, not an endless wait."""
DEATH_SECONDS = 1.0
"""How long a closed connection waits for the news that the worker behind it is dead."""
_WORKER_WORDS = ("DataLoader worker", "DataLoader timed out")

T = TypeVar("T")


@dataclass(frozen=True)
class Loaded:
    """One micro-batch."""

    indices: NDArray[np.int64]
    """In the split."""
    batch: Batch
    targets: Tensor
    """First axis B."""
    activation: Tensor | None = None
    """At the cut, where it is stored."""
    counts: bool = True
    """False where it only keeps the processes in step."""
    domains: Tensor | None = None
    """``(B,)`` int64: the domain of each example, where the data names domains."""

    def to(self, device: torch.device, *, channels_last: bool = False) -> "Loaded":
        """Move to ``device``; pictures and feature maps to the memory format of the model."""

        def move(tensor: Tensor) -> Tensor:
            if channels_last and tensor.ndim == 4:
                return tensor.to(device, memory_format=torch.channels_last)
            return tensor.to(device)

        entry = move if self.activation is None else (lambda tensor: tensor.to(device))  # a dummy stays one
        return Loaded(
            self.indices,
            {key: entry(tensor) for key, tensor in self.batch.items()},
            self.targets.to(device),
            None if self.activation is None else move(self.activation),
            self.counts,
            None if self.domains is None else self.domains.to(device),
        )


def as_targets(task: Task, encoded: NDArray[Any]) -> Tensor:
    """Turn the encoded targets of a batch into a tensor; float64 becomes the float32 of the outputs."""
    if isinstance(task, Structured):
        return task.collate(encoded)
    tensor = torch.from_numpy(np.ascontiguousarray(encoded))
    return tensor.float() if tensor.dtype == torch.float64 else tensor


def taught(task: Task, batch: Batch, targets: Tensor) -> Batch:
    """Add to a batch what a decoder reads in training, where the task has a model with one."""
    return {**batch, **task.decoder_inputs(targets)} if isinstance(task, TeacherForced) else batch


@dataclass(frozen=True, kw_only=True)
class Loader:
    """Gives the micro-batches of any step; what it gives depends on (seed, step) only."""

    items: Items
    encoded: NDArray[Any]
    """Encoded targets of the split."""
    task: Task
    preprocessing: Preprocessing
    order: Order
    micro_batch: int | None
    augmenter: Augmenter | None = None
    mixing: tuple[str, ...] = ()
    """``mixup``, ``cutmix``: targets become soft; or ``classmix``, which changes masks."""
    activations: Activations | None = None
    """Where given, the prefix is read from here; its variant is the epoch modulo their number."""
    rank: int = 0
    world: int = 1
    domains: Domains | None = None
    """Of the examples of the split."""
    bound: Bound | None = None
    """Of one forward pass, where there is one."""
    prepared: PreparedInputs | None = None
    """Where given, examples that nothing changes are encoded once."""

    def __call__(self, step: int) -> list[Loaded]:
        """Load the micro-batches of this process for ``step`` (from 0)."""
        epoch = self.order.epoch(step)
        pieces = shares(
            self.order.batch(step), micro_batch=self.micro_batch, rank=self.rank, world=self.world,
            bound=self.bound,
        )  # fmt: skip
        loaded = [self.load(indices, epoch, counts=counts) for indices, counts in pieces]
        return self._mixed(loaded, step) if self.mixing else loaded

    def load(self, indices: NDArray[np.int64], epoch: int = 0, *, counts: bool = True) -> Loaded:
        """Load some examples as ``epoch`` has them, not mixed."""
        targets, domains = self._targets(indices, epoch), self._domains(indices)
        if self.activations is not None:
            batch, activation = self.activations.batch(
                indices.tolist(), variant=epoch % self.activations.variants
            )
            return Loaded(indices, taught(self.task, batch, targets), targets, activation, counts, domains)
        batch = taught(self.task, self._inputs(indices.tolist(), epoch), targets)
        return Loaded(indices, batch, targets, None, counts, domains)

    def _inputs(self, indices: list[int], epoch: int) -> Batch:
        if self.prepared is not None and self.augmenter is None:
            return self.prepared.batch(indices)
        raw = self.items.batch(indices)
        if self.augmenter is not None:
            raw = self.augmenter.variant(epoch)(raw, indices)
        return encode(self.preprocessing, raw)

    def _targets(self, indices: NDArray[np.int64], epoch: int) -> Tensor:
        chosen = self.encoded[indices]
        if self.augmenter is not None and isinstance(self.task, InPictures):
            movers = [partial(self.augmenter.move, epoch=epoch, index=index) for index in indices.tolist()]
            return self.task.collate_moved(chosen, movers)
        shared = self.mixing and not isinstance(self.task, Structured)
        return as_targets(self.task, self.task.linear_targets(chosen) if shared else chosen)

    def _domains(self, indices: NDArray[np.int64]) -> Tensor | None:
        return None if self.domains is None else torch.from_numpy(self.domains.ids[indices])

    def _mixed(self, loaded: list[Loaded], step: int) -> list[Loaded]:
        """Mix over all micro-batches together, so that their size does not change the result.

        A mixed example keeps the domain of its own row.
        """
        sizes = [len(one.indices) for one in loaded]
        whole = {key: torch.cat([one.batch[key] for one in loaded]) for key in loaded[0].batch}
        targets = torch.cat([one.targets for one in loaded])
        batch, targets = mix(
            whole, targets, operations=self.mixing, seed=self.order.seed, step=step, rank=self.rank
        )
        cut = {key: torch.split(tensor, sizes) for key, tensor in batch.items()}
        soft = torch.split(targets, sizes)
        return [
            Loaded(one.indices, {key: cut[key][i] for key in cut}, soft[i], None, one.counts, one.domains)
            for i, one in enumerate(loaded)
        ]


class _Steps(Dataset[list[Loaded]]):
    """The loader as worker processes want it."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __getitem__(self, step: int) -> list[Loaded]:
        return self.loader(step)


def _unchanged(loaded: list[Loaded]) -> list[Loaded]:
    return loaded


def stream(
    loader: Loader, steps: Sequence[int], *, workers: int, timeout: float = WORKER_SECONDS
) -> Generator[list[Loaded]]:
    """Yield the micro-batches of ``steps`` in order, prepared ahead.

    Args:
        loader: what to prepare.
        steps: numbers of steps.
        workers: processes that prepare them; 0 takes a thread of this one.
        timeout: seconds after which a worker that gives nothing is an error. A thread cannot be ended from
            outside, so with ``workers=0`` there is no limit.

    Raises:
        RuntimeError: a worker died, or gave nothing for ``timeout`` seconds; see :func:`worker_failures`.
    """
    if workers == 0:
        yield from ahead(loader, steps)
        return
    processes: DataLoader[list[Loaded]] = DataLoader(
        _Steps(loader),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        collate_fn=_unchanged,
        timeout=timeout,
        prefetch_factor=AHEAD,
    )
    try:
        yield from processes
    except (ConnectionError, EOFError) as error:
        if "DataLoader worker" in str(error):  # an error of its own that a worker hands over
            raise
        # A worker that dies while it hands over a batch. torch hears of its death by a signal a moment later,
        # and raises wherever the main process is then: let that be here.
        time.sleep(DEATH_SECONDS)
        raise RuntimeError(f"DataLoader worker closed its connection: {error}") from error


@contextmanager
def worker_failures(step: Callable[[], int], workers: int) -> Iterator[None]:
    """Turn the death of a worker into :class:`DataWorkerFailed`, wherever in the main process it is noticed.

    torch notices it by a signal, so that the error may come from any line, not only where data is awaited.
    """
    try:
        yield
    except RuntimeError as error:
        if not any(words in str(error) for words in _WORKER_WORDS):
            raise
        first = str(error).splitlines()[0]
        raise DataWorkerFailed(first, step=step(), workers=workers) from error


def ahead(load: Callable[[int], T], numbers: Iterable[int]) -> Generator[T]:
    """Yield ``load(number)`` for every number, computed in one thread up to ``AHEAD`` ahead."""
    waiting: deque[Future[T]] = deque()
    with background(1, "crosstune-loader") as pool:
        for number in numbers:
            waiting.append(pool.submit(load, number))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
