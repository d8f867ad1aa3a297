"""What moves: from the name of a strategy to a cut, epoch by epoch."""

import torch

from crosstune.core.errors import BadValue
from crosstune.core.head import HeadWeights
from crosstune.core.settings import Settings
from crosstune.frozen.freeze import train_mode
from crosstune.sources.base import Backbone
from crosstune.training.batchnorm import BatchNorm


def cut_at(settings: Settings, blocks: int, epoch: int) -> int:
    """Return how many of the first blocks are frozen in ``epoch`` (from 0).

    head: all. last: all but ``last_blocks``. gradual: all but one in the first epoch, and one fewer in
    each epoch after it (Howard and Ruder 2018). full, lp-ft: none. lora: none are *cut*, as adapters
    sit in all of them.

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
        case "full" | "lp-ft" | "lora":
            return 0
    raise BadValue(
        "this strategy trains nothing by gradient",
        found=f"strategy={settings.strategy}",
        expected="head, last, gradual, full, lp-ft or lora",
        fix="choose one of these, or ship the closed-form head",
    )


def lowest_cut(settings: Settings, blocks: int, epochs: int) -> int:
    """Return the smallest cut of a run of ``epochs`` (whole or begun) epochs."""
    return min(cut_at(settings, blocks, epoch) for epoch in (0, max(epochs - 1, 0)))


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
    train_mode(backbone, cut_at(settings, len(backbone.blocks), epoch))
    if settings.strategy == "lora" or settings.batchnorm == "frozen":
        for module in backbone.model.modules():
            if isinstance(module, BatchNorm):
                module.eval()
