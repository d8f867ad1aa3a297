"""What moves: from the name of a strategy to a cut, epoch by epoch."""

import torch

from crosstune.core.errors import BadValue, DoesNotApply
from crosstune.core.head import HeadWeights
from crosstune.core.settings import Settings
from crosstune.frozen.freeze import train_mode
from crosstune.sources.base import Backbone
from crosstune.training.batchnorm import BatchNorm

PARTS = ("first", "middle", "last")
"""Of a model, under the strategy ``surgical``."""


def cut_at(settings: Settings, blocks: int, epoch: int) -> int:
    """Return how many of the first blocks are frozen in ``epoch`` (from 0).

    head: all. last: all but ``last_blocks``. gradual: all but one in the first epoch, and one fewer in
    each epoch after it (Howard and Ruder 2018). full, lp-ft, orca: none. lora, fpt: none are *cut*, as
    adapters and norms sit in all of them. surgical: those before the third that moves; :func:`end_at` gives
    those behind it.

    Raises:
        BadValue: ``last_blocks`` is larger than the number of blocks, or the strategy trains nothing.
    """
    match settings.strategy:
        case "head":
            return blocks
        case "last":
            if settings.last_blocks > blocks:
                raise BadValue(
                    "the model has fewer blocks than are to be trained",
                    found=f"last_blocks={settings.last_blocks}",
                    expected=f"at most {blocks}",
                    fix=f"set last_blocks to {blocks} or less, or take --set strategy=full",
                )
            return blocks - settings.last_blocks
        case "gradual":
            return max(0, blocks - 1 - epoch)
        case "full" | "lp-ft" | "lora" | "fpt" | "orca":
            return 0
        case "surgical":
            return part_of(settings.surgical_part, blocks)[0]
    raise BadValue(
        "this strategy trains nothing by gradient",
        found=f"strategy={settings.strategy}",
        expected="head, last, gradual, full, lp-ft, lora, surgical, fpt or orca",
        fix="choose one of these, or ship the closed-form head",
    )


def end_at(settings: Settings, blocks: int) -> int:
    """Return from which block on blocks are frozen again: their number, except under ``surgical``."""
    return part_of(settings.surgical_part, blocks)[1] if settings.strategy == "surgical" else blocks


def lowest_cut(settings: Settings, blocks: int, epochs: int) -> int:
    """Return the smallest cut of a run of ``epochs`` (whole or begun) epochs."""
    return min(cut_at(settings, blocks, epoch) for epoch in (0, max(epochs - 1, 0)))


def part_of(part: str, blocks: int) -> tuple[int, int]:
    """Return the blocks of a third as ``(start, end)``; sizes differ by one at most.

    Raises:
        DoesNotApply: there are fewer than three blocks.
        ValueError: the part is still ``auto``.
    """
    if blocks < len(PARTS):
        raise DoesNotApply(
            "surgical fine-tuning needs a first, a middle and a last part",
            found=f"a model of {blocks} {'block' if blocks == 1 else 'blocks'}",
            expected="three blocks or more",
            fix="take --set strategy=last or --set strategy=full",
        )
    number = PARTS.index(part)
    return round(number * blocks / 3), round((number + 1) * blocks / 3)


def load_head(backbone: Backbone, head: HeadWeights) -> None:
    """Copy a closed-form head into the native head, as float32.

    Raises:
        ValueError: the head reads other features than the native one, or the shapes differ.
    """
    linear = backbone.head_module()
    if head.features != "head" or head.weight.shape != tuple(linear.weight.shape):
        raise ValueError(
            f"a head on `{head.features}` of shape {head.weight.shape} does not fit the native head "
            f"of shape {tuple(linear.weight.shape)}"
        )
    if linear.bias is None:
        raise ValueError(f"the native head of {backbone.name} has no bias")
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(head.weight))
        linear.bias.copy_(torch.from_numpy(head.bias))


def set_mode(backbone: Backbone, settings: Settings, epoch: int) -> None:
    """Assert again what trains and what rests in ``epoch``: frozen blocks are in eval mode.

    With ``batchnorm=frozen`` every BatchNorm rests too, and always under lora, because adapters do not
    carry its statistics.
    """
    blocks = len(backbone.blocks)
    train_mode(backbone, cut_at(settings, blocks, epoch), end_at(settings, blocks))
    if settings.strategy == "lora" or settings.batchnorm == "frozen":
        for module in backbone.model.modules():
            if isinstance(module, BatchNorm):
                module.eval()
