"""BatchNorm statistics measured anew: of weights that are averages of others, or of the inputs to come."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from crosstune.core.items import Items
from crosstune.core.seeding import generator
from crosstune.sources.base import Backbone
from crosstune.training.encoding import encode
from crosstune.training.forward import Forward
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


LEAST_ROWS = 64
"""Rows in a batch, at least: the statistics of fewer are noise (techniques B9)."""
MOST_BATCHES = 40
"""ASSUMED: batches that are averaged; more change the third digit."""


def batchnorms(model: nn.Module) -> list[BatchNorm]:
    """List the BatchNorms that keep running statistics, whatever their mode."""
    return [one for one in model.modules() if isinstance(one, BatchNorm) and one.track_running_stats]


def reestimate(backbone: Backbone, items: Items, *, seed: int) -> None:
    """Replace the statistics of every BatchNorm by those of ``items``, in place; no weight changes.

    Rows are drawn at random, as batches of one class would say more about the class than about the place, and
    each batch has at least 64 of them. The model is left in eval mode.

    Args:
        backbone: at rest, without adapters.
        items: at least 64 rows; targets are not read.
        seed: of the draw.

    Raises:
        ValueError: there are fewer rows, or the model has no BatchNorm.

    Cost: a forward pass over at most 40 batches of 64 to 127 rows.
    Source: Li et al. (2016), Revisiting batch normalization, arXiv:1603.04779.
    Checked by: ``tests/training/test_batchnorm.py``.
    """
    modules = batchnorms(backbone.model)
    if len(items) < LEAST_ROWS or not modules:
        raise ValueError(f"{len(items)} rows and {len(modules)} BatchNorms; at least {LEAST_ROWS} and one")
    drawn = generator(seed, "batchnorm").permutation(len(items))[: MOST_BATCHES * LEAST_ROWS]
    parts = np.array_split(drawn, max(1, len(drawn) // LEAST_ROWS))
    device = next(backbone.model.parameters()).device

    def loaded(rows: NDArray[np.int64]) -> list[Loaded]:
        batch = encode(backbone.preprocessing, items.batch(rows.tolist()))
        return [Loaded(rows, batch, torch.zeros(len(rows)))]

    refresh_batchnorm(Forward(backbone), modules, map(loaded, parts), device=device, channels_last=False)
    backbone.model.eval()


def refresh_batchnorm(
    forward: Forward,
    modules: list[BatchNorm],
    batches: Iterable[list[Loaded]],
    *,
    device: torch.device,
    channels_last: bool,
) -> None:
    """Replace the statistics of ``modules`` by plain averages over ``batches``, in place.

    In float32, as what ships. Everything else runs in eval mode and keeps its mode afterwards. Source: as for
    weight averaging, Izmailov 2018, section 3.2.
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
                forward(micro.batch, micro.activation)
    for module, momentum in zip(modules, momenta, strict=True):
        module.momentum = momentum
    for any_module, training in modes.items():
        any_module.training = training
