"""BatchNorm statistics of weights that were never trained with: averages of other weights."""

from collections.abc import Iterable

import torch
from torch import nn

from crosstune.training.forward import Forward, autocast
from crosstune.training.loader import Loaded

REFRESH_STEPS = 20
"""Effective batches over which statistics are averaged."""

BatchNorm = nn.modules.batchnorm._BatchNorm
"""The base of all of them, for which torch has no public name."""


def training_batchnorms(model: nn.Module) -> list[BatchNorm]:
    """List the BatchNorms in training mode that keep running statistics."""
    return [
        module
        for module in model.modules()
        if isinstance(module, BatchNorm) and module.training and module.track_running_stats
    ]


def refresh_batchnorm(
    forward: Forward,
    modules: list[BatchNorm],
    batches: Iterable[list[Loaded]],
    *,
    device: torch.device,
    bf16: bool,
    channels_last: bool,
) -> None:
    """Replace the statistics of ``modules`` by plain averages over ``batches``, in place.

    Everything else runs in eval mode and keeps its mode afterwards. Source: as for weight averaging,
    Izmailov 2018, section 3.2.
    """
    momenta = [module.momentum for module in modules]
    modes = {any_module: any_module.training for any_module in forward.modules()}
    forward.eval()
    for module in modules:
        module.reset_running_stats()
        module.momentum = None
        module.train()
    with torch.no_grad():
        for loaded in batches:
            for micro in (one.to(device, channels_last=channels_last) for one in loaded):
                with autocast(device, bf16=bf16):
                    forward(micro.batch, micro.activation)
    for module, momentum in zip(modules, momenta, strict=True):
        module.momentum = momentum
    for any_module, training in modes.items():
        any_module.training = training
