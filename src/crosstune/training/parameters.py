"""Which parameters move, in which group, at which rate."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from crosstune.core.settings import Settings
from crosstune.frozen.freeze import block_parameters
from crosstune.sources.base import Backbone

Group = dict[str, Any]
"""What optimizers take: ``params``, ``lr``, ``weight_decay``; and ``peak``, ``block`` of our own."""


def block_rate(settings: Settings, block: int, blocks: int) -> float:
    """Return the peak rate of a block: ``lr * layer_decay ** (blocks - 1 - block)``.

    The last block has the full rate. Source: ELECTRA's fine-tuning code (Clark 2020).
    """
    return settings.lr * settings.layer_decay ** (blocks - 1 - block)


def head_rate(settings: Settings) -> float:
    """Return the peak rate of the head."""
    return settings.lr if settings.head_lr is None else settings.head_lr


def parameter_groups(backbone: Backbone, settings: Settings) -> list[Group]:
    """Group the parameters that require a gradient, block by block, the head last.

    Each block gives up to two groups: weights, and biases, norms and scales (at most one axis), which
    are never decayed. A parameter that several blocks share belongs to the first of them.

    Raises:
        ValueError: a moving parameter is in no block and not in the head (a fault of the source).
    """
    count = len(backbone.blocks)
    groups: list[Group] = []
    taken: set[int] = set()
    for number, parameters in enumerate(block_parameters(backbone)):
        rate = block_rate(settings, number, count)
        groups += _split(parameters, taken, number, rate, settings.weight_decay)
    head = backbone.model.get_submodule(backbone.head).parameters()
    groups += _split(head, taken, count, head_rate(settings), settings.weight_decay)
    _check_all_taken(backbone, taken)
    return groups


def _split(
    parameters: Iterable[nn.Parameter], taken: set[int], block: int, rate: float, decay: float
) -> list[Group]:
    moving: list[nn.Parameter] = []
    for parameter in parameters:
        if parameter.requires_grad and id(parameter) not in taken:
            taken.add(id(parameter))
            moving.append(parameter)
    halves = (
        ([parameter for parameter in moving if parameter.ndim > 1], decay),
        ([parameter for parameter in moving if parameter.ndim <= 1], 0.0),
    )
    return [
        {"params": half, "lr": rate, "peak": rate, "weight_decay": weight_decay, "block": block}
        for half, weight_decay in halves
        if half
    ]


def _check_all_taken(backbone: Backbone, taken: set[int]) -> None:
    lost = [
        name
        for name, parameter in backbone.model.named_parameters()
        if parameter.requires_grad and id(parameter) not in taken
    ]
    if lost:
        raise ValueError(f"parameters of {backbone.name} that are in no block and not in the head: {lost}")
