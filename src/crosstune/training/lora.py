"""LoRA adapters through peft: put on, trained, merged, and the merge verified."""

import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from crosstune.core.extras import require
from crosstune.core.seeding import derived_seed
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.training.errors import AdapterMergeDiffers, NoAdapterTargets

TOLERANCE = 1e-4
"""Largest difference of outputs after the merge, relative to the largest output (at least 1)."""
MERGE_BATCHES = 1
"""Validation batches on which a merge is verified, twice."""
PURPOSE = "strategy=lora"
_NOTE = "peft_config"
"""The attribute in which peft remembers what it has put on a model."""


def adapter_targets(backbone: Backbone) -> list[str]:
    """Return the paths of the layers that get an adapter, resolved by type, not by name.

    Linear layers except the head, and pointwise (1x1, ungrouped) convolutions; never depthwise ones,
    whose groups no low rank fits. The projection inside ``nn.MultiheadAttention`` is left out, as that
    module reads its weight without calling it.

    Raises:
        NoAdapterTargets: there is none.
    """
    inside = {
        f"{path}.{child}"
        for path, module in backbone.model.named_modules()
        if isinstance(module, nn.MultiheadAttention)
        for child, _ in module.named_modules()
    }
    found = [
        path
        for path, module in backbone.model.named_modules()
        if path != backbone.head and path not in inside and _fits(module)
    ]
    if not found:
        raise NoAdapterTargets(backbone.name)
    return found


def _fits(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.kernel_size == (1, 1) and module.groups == 1
    return isinstance(module, nn.Linear)


def add_adapters(backbone: Backbone, settings: Settings) -> list[str]:
    """Put adapters into the model, in place; only they and the head, unless it rests, move afterwards.

    ``W + (alpha / rank) B A`` with ``B`` zero at the start (Hu 2021), so that the outputs do not change.
    The paths of all other modules stay what they were.

    Returns:
        The paths that got one.

    Raises:
        MissingExtra: peft is not installed.
        NoAdapterTargets: no layer fits.
    """
    peft = require("peft", extra="peft", purpose=PURPOSE)
    targets = adapter_targets(backbone)
    # A list would be matched by the end of a path, and so reach layers that were left out on purpose.
    exactly = "|".join(map(re.escape, targets))
    config = peft.LoraConfig(
        r=settings.lora_rank, lora_alpha=settings.lora_alpha, lora_dropout=0.0, target_modules=exactly
    )
    torch.manual_seed(derived_seed(settings.seed, "lora"))
    peft.inject_adapter_in_model(config, backbone.model)
    for parameter in backbone.head_module().parameters():
        parameter.requires_grad = not backbone.head_rests
    return targets


def merge_adapters(backbone: Backbone) -> None:
    """Add every adapter to its layer and take it out: the model is a plain one again, in place."""
    for path in _adapted(backbone):
        layer = backbone.model.get_submodule(path)
        layer.merge(safe_merge=True)  # type: ignore[operator]
    remove_adapters(backbone)


def remove_adapters(backbone: Backbone) -> None:
    """Take every adapter off and forget it: each layer has its own weights, bit for bit."""
    if not hasattr(backbone.model, _NOTE):
        return
    for path in _adapted(backbone):
        layer = backbone.model.get_submodule(path)
        backbone.model.set_submodule(path, layer.get_base_layer())  # type: ignore[operator]
    delattr(backbone.model, _NOTE)  # else the next adapters would be taken for a second set


def _adapted(backbone: Backbone) -> list[str]:
    layer_type = require("peft.tuners.tuners_utils", extra="peft", purpose=PURPOSE).BaseTunerLayer
    return [path for path, one in backbone.model.named_modules() if isinstance(one, layer_type)]


def check_merge(before: NDArray[np.float32], after: NDArray[np.float32]) -> None:
    """Compare the outputs of the model with adapters and of the merged one, ``(N, K)`` each.

    Raises:
        AdapterMergeDiffers: by more than ``TOLERANCE``, relative to the largest output.
    """
    allowed = TOLERANCE * max(1.0, float(abs(before).max()))
    difference = float(abs(after - before).max())
    if not difference <= allowed:
        raise AdapterMergeDiffers(difference, allowed)
