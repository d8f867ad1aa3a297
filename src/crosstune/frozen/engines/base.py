"""What runs a frozen body: torch, OpenVINO or ONNX Runtime behind one small interface."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn


class Compiled(Protocol):
    """A compiled module."""

    @property
    def exact(self) -> bool:
        """Say whether it computes in float32 throughout."""
        ...

    def __call__(self, batch: Mapping[str, Tensor]) -> tuple[NDArray[np.float32], ...]:
        """Run one batch of any size; returns the module's outputs as float32 arrays."""
        ...


def varies(example: Mapping[str, Tensor]) -> dict[str, bool]:
    """Say of each entry of a batch whether the length of its axis 1 differs between batches.

    So it does in arrays of whole numbers ``(B, T)``, the ids and masks of tokens, and in what has their
    length: the samples of sounds.
    """
    lengths = {t.shape[1] for t in example.values() if t.dim() == 2 and not t.is_floating_point()}
    return {name: tensor.dim() > 1 and tensor.shape[1] in lengths for name, tensor in example.items()}


Key = TypeVar("Key")


@runtime_checkable
class Streams(Protocol):
    """A compiled module that works on the next batch while the caller still has the last one in hand."""

    def stream(
        self, batches: Iterable[tuple[Key, Mapping[str, Tensor]]]
    ) -> Iterator[tuple[Key, tuple[NDArray[np.float32], ...]]]:
        """Run batches in their order, each with a key that comes back beside its outputs."""
        ...


def stream(
    compiled: Compiled, batches: Iterable[tuple[Key, Mapping[str, Tensor]]]
) -> Iterator[tuple[Key, tuple[NDArray[np.float32], ...]]]:
    """Run batches in their order, the way that suits the engine best."""
    if isinstance(compiled, Streams):
        yield from compiled.stream(batches)
        return
    for key, batch in batches:
        yield key, compiled(batch)


class Engine(Protocol):
    """One way of running a module fast. One file each, one line in ``engines/registry.py``."""

    name: str

    def available(self) -> bool:
        """Say whether the engine can run here, without importing it."""
        ...

    def compile(self, module: nn.Module, example: Mapping[str, Tensor], *, exact: bool) -> Compiled:
        """Prepare ``module`` (in eval mode; returns a tuple of tensors) for batches like ``example``.

        Args:
            module: called with keyword arguments named as in ``example``.
            example: one batch; axis 0 is the batch and may vary, and so may axis 1 where :func:`varies` says.
            exact: float32 throughout (reported numbers); otherwise the fastest precision.
        """
        ...
