"""Views of a backbone that give only tensors, so that any engine can trace them.

Each is a module called with the keyword arguments of a batch and returns a tuple of tensors. Hooks are
registered for one call and removed after it; the backbone is left as it was.

Shapes: B batch, T tokens or frames, C channels, H the width of the head's input, W_b the width of block b.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from crosstune.frozen.freeze import check_range
from crosstune.sources.base import Backbone
from crosstune.sources.frames import frame_mask


def first(output: Any) -> Tensor:  # noqa: ANN401 - what a module returns
    """Return the tensor itself, or the first element of a tuple, list or model output."""
    if isinstance(output, Tensor):
        return output
    tensor = output[0]
    if not isinstance(tensor, Tensor):
        raise TypeError(f"a block gave {type(output).__name__} whose first element is no tensor")
    return tensor


def pool(output: Tensor, layout: str, mask: Tensor | None = None) -> Tensor:
    """Average a block's output over positions.

    Args:
        output: in the given layout, any floating type.
        layout: ``BCHW``, ``BHWC``, ``BTC``, ``BCT`` or ``BC``.
        mask: ``(B, T)``, 1 where a token counts; for ``BTC`` whose T it matches.

    Returns:
        ``(B, C)`` float32.
    """
    wide = output.float()
    match layout:
        case "BCHW":
            return wide.mean(dim=(2, 3))
        case "BHWC":
            return wide.mean(dim=(1, 2))
        case "BCT":
            return wide.mean(dim=2)
        case "BTC":
            if mask is None:
                return wide.mean(dim=1)
            weight = mask.to(wide.dtype).unsqueeze(-1)
            return (wide * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        case "BC":
            return wide
    raise ValueError(f"unknown layout {layout}")


class OutputModel(nn.Module):
    """The whole model: batch to ``(logits,)``, ``(B, K)`` float32."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.model = backbone.model
        self.logits = backbone.logits

    def forward(self, **batch: Tensor) -> tuple[Tensor, ...]:
        """Run the model."""
        return (self.logits(self.model(**batch)).float(),)


class TapModel(nn.Module):
    """Batch to (pooled outputs of all blocks side by side ``(B, sum W_b)``, head input ``(B, H)``).

    Where the backbone has a profile of its input, it stands before the first block and counts as its own.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.model = backbone.model
        self.taps = [(block.modules[-1], block.layout) for block in backbone.blocks]
        self.head = backbone.head
        self.mask, self.frames, self.profile = backbone.mask, backbone.frames, backbone.profile
        self.widths = tuple(backbone.pooled_widths)

    def forward(self, **batch: Tensor) -> tuple[Tensor, ...]:
        """Run the model with a hook behind every block and one before the head."""
        mask = batch[self.mask] if self.mask else None
        pooled: dict[str, Tensor] = {}
        handles: list[RemovableHandle] = []
        try:
            for path, layout in self.taps:
                hook = _pooling_hook(pooled, path, layout, self._own(mask))
                handles.append(self.model.get_submodule(path).register_forward_hook(hook))
            before_head = _input_hook(pooled, self._own(mask))
            handles.append(self.model.get_submodule(self.head).register_forward_pre_hook(before_head))
            self.model(**batch)
        finally:
            for handle in handles:
                handle.remove()
        before = [self.profile(batch)] if self.profile else []
        return torch.cat([*before, *(pooled[path] for path, _ in self.taps)], dim=1), pooled[_HEAD]

    def _own(self, mask: Tensor | None) -> Callable[[int], Tensor | None]:
        """Give a function from the number of places of an output to those that belong to the example."""
        return lambda width: None if mask is None else frame_mask(mask, self.frames, width)


class PrefixModel(nn.Module):
    """Batch to ``(activation,)``: the output of block ``cut - 1``; nothing after it is computed.

    ``contiguous``: pictures are read channel after channel, however they lie when they come.
    """

    def __init__(self, backbone: Backbone, cut: int, *, contiguous: bool = False) -> None:
        super().__init__()
        check_range(backbone, cut)
        if cut == 0:
            raise ValueError("there is no prefix before block 0")
        self.model = backbone.model
        self.path = backbone.blocks[cut - 1].modules[-1]
        self.contiguous = contiguous

    def forward(self, **batch: Tensor) -> tuple[Tensor, ...]:
        """Run the model up to the cut."""
        if self.contiguous:
            batch = {name: tensor.contiguous() for name, tensor in batch.items()}
        reached: list[Tensor] = []

        def stop(_module: nn.Module, _arguments: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
            reached.append(first(output))
            # torch.export cannot leave a module early; it drops what no output needs anyway.
            if not torch.compiler.is_exporting():
                raise _Reached

        handle = self.model.get_submodule(self.path).register_forward_hook(stop)
        try:
            self.model(**batch)
        except _Reached:
            pass
        finally:
            handle.remove()
        if not reached:
            raise RuntimeError(f"the model never ran {self.path}")
        return (reached[0],)


_HEAD = "<head input>"


class _Reached(Exception):
    """Leaves the model's forward once the cut is reached."""


def _pooling_hook(
    pooled: dict[str, Tensor], path: str, layout: str, own: Callable[[int], Tensor | None]
) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
    def hook(_module: nn.Module, _arguments: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        # Pooled at once: what follows may overwrite the output in place (an in-place ReLU).
        tensor = first(output)
        pooled[path] = pool(tensor, layout, own(tensor.shape[1]) if layout == "BTC" else None)

    return hook


def _input_hook(
    pooled: dict[str, Tensor], own: Callable[[int], Tensor | None]
) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def hook(_module: nn.Module, arguments: tuple[Any, ...]) -> None:
        given = arguments[0].float()
        pooled[_HEAD] = _input_pooled(given, own)

    return hook


def _input_pooled(given: Tensor, own: Callable[[int], Tensor | None]) -> Tensor:
    """Give what a head reads; of one that reads every frame, token or place the mean, as of a block."""
    if given.ndim == 4:
        return pool(given, "BCHW", None)
    return pool(given, "BTC", own(given.shape[1])) if given.ndim == 3 else given
