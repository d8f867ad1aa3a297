"""Stand-ins for the outputs of frozen modules: right in shape and type, free to make, and poisoned.

The code of a model between its frozen modules still runs when the prefix is replaced, so each replaced
module must return something of the right shape. A stand-in is one number spread over that shape with
stride 0. The number is NaN: if anything behind the cut reads a stand-in, the loss is NaN and nobody can
overlook it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Path = tuple[int | str, ...]
Shapes = dict[Path, tuple[int, ...]]


@dataclass(frozen=True)
class Axis:
    """One axis of an output: its size at the first probe, and whether it grows with rows and tokens."""

    size: int
    grows: bool
    """In proportion to the rows of the batch."""
    per_token: int
    """How much one more token adds at the probe's number of rows."""

    def at(self, rows: int, tokens: int, probe: tuple[int, int]) -> int:
        """Give the size for a batch of ``rows`` and ``tokens``; ``probe`` had (rows, tokens)."""
        size = self.size + self.per_token * (tokens - probe[1])
        return size * rows // probe[0] if self.grows else size


class StandIn:
    """Makes the output of one frozen module for a batch of any size."""

    def __init__(
        self,
        output: Any,  # noqa: ANN401
        axes: dict[Path, tuple[Axis, ...]],
        probe: tuple[int, int],
        *,
        written: bool = False,
    ) -> None:
        """Learn the structure; what is ``written`` into by the model's code needs memory of its own."""
        self.output, self.axes, self.probe, self.written = output, axes, probe, written

    def make(self, rows: int, tokens: int, device: torch.device, *, lead: Tensor | None = None) -> Any:  # noqa: ANN401
        """Build the output; ``lead`` takes the place of its first tensor."""
        waiting = [lead] if lead is not None else []

        def build(path: Path, tensor: Tensor) -> Tensor:
            if waiting:
                return waiting.pop()
            size = [axis.at(rows, tokens, self.probe) for axis in self.axes[path]]
            made = poisoned(size, tensor.dtype, device)
            return made.clone(memory_format=torch.contiguous_format) if self.written else made

        return rebuild(self.output, build)


def poisoned(size: list[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Spread one NaN (zero for whole numbers) over ``size``."""
    value = float("nan") if dtype.is_floating_point else 0
    return torch.full((), value, dtype=dtype, device=device).expand(size)


def shapes(output: Any) -> Shapes:  # noqa: ANN401
    """Give the shape of every tensor inside ``output``, by its place."""
    found: Shapes = {}

    def note(path: Path, tensor: Tensor) -> Tensor:
        found[path] = tuple(tensor.shape)
        return tensor

    rebuild(output, note)
    return found


def tensors(output: Any) -> list[Tensor]:  # noqa: ANN401
    """List every tensor inside ``output``."""
    found: list[Tensor] = []

    def note(_: Path, tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    rebuild(output, note)
    return found


def skeleton(output: Any) -> Any:  # noqa: ANN401
    """Copy ``output`` with empty tensors, so that no activation stays alive."""
    return rebuild(output, lambda _, tensor: torch.empty(0, dtype=tensor.dtype))


def axes(first: Shapes, more_rows: Shapes, more_tokens: Shapes) -> dict[Path, tuple[Axis, ...]]:
    """Compare the shapes of three probes: a small one, one with more rows, one with one more token.

    Raises:
        ValueError: the structure of the output differs between them.
    """
    if not first.keys() == more_rows.keys() == more_tokens.keys():
        raise ValueError("a frozen module changes the structure of its output with the size of the batch")
    found = {}
    for path, size in first.items():
        wide, long = more_rows[path], more_tokens[path]
        if not len(size) == len(wide) == len(long):
            raise ValueError("a frozen module changes the number of axes with the size of the batch")
        found[path] = tuple(
            Axis(one, one != two, three - one) for one, two, three in zip(size, wide, long, strict=True)
        )
    return found


def rebuild(value: Any, change: Callable[[Path, Tensor], Tensor], path: Path = ()) -> Any:  # noqa: ANN401
    """Copy a nest of tuples, lists and dicts (model outputs included), changing its tensors."""
    if isinstance(value, Tensor):
        return change(path, value)
    if isinstance(value, dict):
        changed = {key: rebuild(one, change, (*path, key)) for key, one in value.items()}
        return type(value)(**changed) if type(value) is not dict else changed
    if isinstance(value, tuple | list):
        parts = [rebuild(one, change, (*path, i)) for i, one in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value
