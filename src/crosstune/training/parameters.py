"""Which parameters move, in which group, at which rate."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from crosstune.core.settings import Settings
from crosstune.frozen.freeze import block_parameters
from crosstune.sources.base import Backbone
from crosstune.training.light import new_parameters
from crosstune.training.lora import magnitudes

Group = dict[str, Any]
"""What optimizers take: ``params``, ``lr``, ``weight_decay``; of our own: ``peak``, ``block``, ``waits``."""


def block_rate(settings: Settings, block: int, blocks: int) -> float:
    """Return the peak rate of a block: ``lr * layer_decay ** (blocks - 1 - block)``.

    The last block has the full rate. Source: ELECTRA's fine-tuning code (Clark 2020).
    """
    return settings.lr * settings.layer_decay ** (blocks - 1 - block)


def head_rate(settings: Settings) -> float:
    """Return the peak rate of the head, and of whatever else starts new."""
    return settings.lr if settings.head_lr is None else settings.head_lr


def parameter_groups(backbone: Backbone, settings: Settings) -> list[Group]:
    """Group the parameters that require a gradient, block by block, the head last.

    Each block gives up to two groups: weights, and biases, norms and scales (at most one axis, or what DoRA
    keeps of rows), which are never decayed. A parameter that several blocks share belongs to the first of
    them. Parameters of new parts have groups of their own, at the rate of the head; under orca all others
    wait for them.

    Raises:
        ValueError: a moving parameter is in no block and not in the head (a fault of the source).
    """
    count, new, lengths = len(backbone.blocks), new_parameters(backbone), magnitudes(backbone)
    waits = settings.strategy == "orca" and bool(new)
    groups: list[Group] = []
    taken: set[int] = set()
    for number, parameters in enumerate(block_parameters(backbone)):
        rate = block_rate(settings, number, count)
        known = [parameter for parameter in parameters if id(parameter) not in new]
        fresh = [parameter for parameter in parameters if id(parameter) in new]
        groups += _split(known, taken, number, rate, settings.weight_decay, waits=waits, scales=lengths)
        groups += _split(fresh, taken, number, head_rate(settings), settings.weight_decay)
    groups += _split(backbone.head_parameters(), taken, count, head_rate(settings), settings.weight_decay)
    _check_all_taken(backbone, taken)
    return groups


def _split(
    parameters: Iterable[nn.Parameter], taken: set[int], block: int, rate: float, decay: float,
    *, waits: bool = False, scales: frozenset[int] = frozenset(),
) -> list[Group]:  # fmt: skip
    moving: list[nn.Parameter] = []
    for parameter in parameters:
        if parameter.requires_grad and id(parameter) not in taken:
            taken.add(id(parameter))
            moving.append(parameter)
    weights = {id(parameter) for parameter in moving if parameter.ndim > 1} - scales
    halves = (
        ([parameter for parameter in moving if id(parameter) in weights], decay),
        ([parameter for parameter in moving if id(parameter) not in weights], 0.0),
    )
    return [
        {"params": half, "lr": rate, "peak": rate, "weight_decay": weight_decay, "block": block,
         "waits": waits}
        for half, weight_decay in halves
        if half
    ]  # fmt: skip


def _check_all_taken(backbone: Backbone, taken: set[int]) -> None:
    lost = [
        name
        for name, parameter in backbone.model.named_parameters()
        if parameter.requires_grad and id(parameter) not in taken
    ]
    if lost:
        raise ValueError(f"parameters of {backbone.name} that are in no block and not in the head: {lost}")
