"""Freezing the first blocks of a backbone, and those behind the ones that move.

Frozen means ``eval()`` *and* no gradient.

With only ``requires_grad=False`` the statistics of a BatchNorm would still drift and dropout would still
fire, and what the prefix computes would change from step to step (techniques: BatchNorm, B9).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from crosstune.sources.base import Backbone, Block

_FIXED = "_crosstune_fixed"


def freeze(backbone: Backbone, cut: int, end: int | None = None) -> None:
    """Freeze ``blocks[:cut]`` and ``blocks[end:]``, and thaw everything else, in place.

    Parameters that the model itself keeps fixed (sinusoidal positions) stay fixed. Calling it again with
    another cut moves the border either way.

    Args:
        backbone: modified in place.
        cut: number of frozen blocks, 0 to ``len(blocks)``.
        end: the block from which on they are frozen again; ``None``: none is. The head always moves.

    Raises:
        ValueError: ``cut`` or ``end`` is out of range.

    Checked by: ``tests/frozen/test_freeze.py``.
    """
    still = _still(backbone, cut, end)
    fixed = _fixed_by_the_model(backbone.model)
    for name, parameter in backbone.model.named_parameters():
        parameter.requires_grad_(name not in fixed and parameter.is_floating_point())
    by_block = block_parameters(backbone)
    for parameter in (one for number in still for one in by_block[number]):
        parameter.requires_grad_(False)
        parameter.grad = None
    _rest(backbone, still)


def train_mode(backbone: Backbone, cut: int, end: int | None = None) -> None:
    """Set training mode for everything but ``blocks[:cut]`` and ``blocks[end:]``, which go to ``eval()``."""
    still = _still(backbone, cut, end)
    backbone.model.train()
    _rest(backbone, still)


def block_parameters(backbone: Backbone) -> list[list[nn.Parameter]]:
    """List the parameters of each block, loose ones included; a shared one counts where it is first.

    Returns:
        One list for each block, in order. The head is in none of them.
    """
    head = {id(parameter) for parameter in backbone.head_parameters()}
    seen = set(head)
    grouped: list[list[nn.Parameter]] = []
    for block in backbone.blocks:
        found = [p for p in _parameters(backbone.model, block) if id(p) not in seen]
        unique = list({id(p): p for p in found}.values())
        seen.update(id(p) for p in unique)
        grouped.append(unique)
    return grouped


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put ``model`` in eval mode for a while; every module gets its own mode back afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def check_range(backbone: Backbone, cut: int) -> None:
    """Raise ``ValueError`` for a cut that is no number of blocks."""
    if not 0 <= cut <= len(backbone.blocks):
        raise ValueError(f"a cut lies in 0..{len(backbone.blocks)}, got {cut}")


def _still(backbone: Backbone, cut: int, end: int | None) -> list[int]:
    """List the numbers of the frozen blocks."""
    count = len(backbone.blocks)
    last = count if end is None else end
    check_range(backbone, cut)
    check_range(backbone, last)
    return [*range(cut), *range(last, count)]


def _rest(backbone: Backbone, still: Sequence[int]) -> None:
    for number in still:
        for path in backbone.blocks[number].modules:
            backbone.model.get_submodule(path).eval()
    if 0 in still:
        for path in _around_stem(backbone):
            backbone.model.get_submodule(path).training = False


def _around_stem(backbone: Backbone) -> set[str]:
    """Name the modules around those of the stem, the model itself not among them.

    What such a module does by itself comes before its layers (Whisper drops out behind its positions), so it
    rests with the stem. Only its own mode: what it holds keeps its own.
    """
    parts = [path.split(".") for path in backbone.blocks[0].modules]
    return {".".join(part[:depth]) for part in parts for depth in range(1, len(part))}


def _parameters(model: nn.Module, block: Block) -> list[nn.Parameter]:
    inside = [p for path in block.modules for p in model.get_submodule(path).parameters()]
    return inside + [model.get_parameter(path) for path in block.loose]


def _fixed_by_the_model(model: nn.Module) -> frozenset[str]:
    """Names of parameters without gradient when a freeze is first applied.

    Kept on the model, so that a copy of the model remembers them too.
    """
    known: frozenset[str] | None = getattr(model, _FIXED, None)
    if known is None:
        known = frozenset(name for name, p in model.named_parameters() if not p.requires_grad)
        object.__setattr__(model, _FIXED, known)
    return known
