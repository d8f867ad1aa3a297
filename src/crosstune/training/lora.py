"""LoRA adapters and their variants through peft: put on, trained, merged, and the merge verified."""

import math
import re
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from crosstune.core.adapters import VARIANTS
from crosstune.core.errors import shown
from crosstune.core.extras import require
from crosstune.core.seeding import derived_seed
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.training.errors import AdapterMergeDiffers, NoAdapterTargets
from crosstune.training.quantized import dequantize, quantize

TOLERANCE = 1e-4
"""Largest difference of outputs after the merge, relative to the largest output (at least 1)."""
MERGE_BATCHES = 1
"""Validation batches on which a merge is verified, twice."""
PURPOSE = "strategy=lora"
_NOTE = "peft_config"
"""The attribute in which peft remembers what it has put on a model."""
_LENGTHS = ".lora_magnitude_vector."
"""In the name of a parameter in which peft keeps the lengths of rows."""
OWN, PLAIN = "default", "plain"
"""Names of the adapters of the kind that was asked for, and of plain ones beside them."""


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

    With ``B`` zero at the start, so that the outputs do not change, the weight of a layer becomes

    - ``W + (alpha / rank) B A`` under ``lora`` (Hu 2021),
    - ``W + (alpha / sqrt(rank)) B A`` under ``rslora`` (Kalajdzievski 2023),
    - ``m (W + s B A) / ||W + s B A||``, row by row, with ``s = alpha / rank``, under ``dora`` (Liu 2024). Its
      ``m`` is ``||W||`` at the start; the norm counts as a constant in the gradient. A weight with a row of
      zeros has no direction to keep apart (0 / 0): its layer gets a plain adapter.

    The paths of all other modules stay what they were. With ``quantize_base``, ``W`` are the numbers that its
    4 bits stand for, so that outputs do change at the start.

    Returns:
        The paths that got one.

    Raises:
        MissingExtra: peft is not installed, or bitsandbytes, where it is asked for.
        NoAdapterTargets: no layer fits.

    Checked by: ``tests/training/test_lora.py``, ``test_lora_variants.py``.
    """
    targets = adapter_targets(backbone)
    variant = settings.lora_variant
    apart = [path for path in targets if variant == "dora" and _has_row_of_zeros(backbone, path)]
    torch.manual_seed(derived_seed(settings.seed, "lora"))
    _inject(backbone, [path for path in targets if path not in apart], settings, variant, OWN)
    _inject(backbone, apart, settings, "lora", PLAIN)
    for layer in _adapted(backbone).values() if apart else ():
        layer.set_adapter([OWN, PLAIN])  # the second set has silenced the first
    for parameter in backbone.head_parameters():
        parameter.requires_grad = not backbone.head_rests
    if settings.quantize_base:
        quantize(list(_adapted(backbone).values()))
    return targets


def _has_row_of_zeros(backbone: Backbone, path: str) -> bool:
    weight = backbone.model.get_submodule(path).get_parameter("weight").detach()
    return not bool(torch.linalg.norm(weight.flatten(1), dim=1).all())


def _inject(backbone: Backbone, paths: list[str], settings: Settings, variant: str, name: str) -> None:
    """Put one set of adapters on the layers at ``paths``."""
    if not paths:
        return
    peft = require("peft", extra="peft", purpose=PURPOSE)
    # A list would be matched by the end of a path, and so reach layers that were left out on purpose.
    exactly = "|".join(map(re.escape, paths))
    config = peft.LoraConfig(
        r=settings.lora_rank, lora_alpha=settings.lora_alpha, lora_dropout=0.0, target_modules=exactly,
        use_dora=variant == "dora", use_rslora=variant == "rslora",
    )  # fmt: skip
    _forget(backbone.model)
    peft.inject_adapter_in_model(config, backbone.model, name)


def describe_adapters(backbone: Backbone, settings: Settings) -> str:
    """Say in words what adapters a model holds: which kind, how large, on how many layers."""
    layers = _adapted(backbone)
    plain = [path for path, layer in layers.items() if PLAIN in layer.lora_A]
    root = math.sqrt(settings.lora_rank) if settings.lora_variant == "rslora" else settings.lora_rank
    words = (
        f"adapters: {VARIANTS[settings.lora_variant]} of rank {settings.lora_rank}, scale "
        f"{settings.lora_alpha / root:.3g}, on {len(layers) - len(plain)} of {len(layers)} layers"
    )
    if not plain:
        return words
    return f"{words}; plain LoRA where a weight has rows of zeros, which have no direction: {shown(plain)}"


def magnitudes(backbone: Backbone) -> frozenset[int]:
    """Give the ``id`` of every parameter that holds the lengths of rows of a weight, as DoRA learns them."""
    return frozenset(id(one) for name, one in backbone.model.named_parameters() if _LENGTHS in name)


def merge_adapters(backbone: Backbone) -> None:
    """Work every adapter into its layer and take it out: the model is a plain one again, in place.

    Weights that were held in 4 bits become float32 numbers first, all of them where the model lies.
    """
    dequantize(list(_adapted(backbone).values()))
    for layer in _adapted(backbone).values():
        layer.merge(safe_merge=True)
    remove_adapters(backbone)


def remove_adapters(backbone: Backbone) -> None:
    """Take every adapter off and forget it: each layer has its own weights, bit for bit.

    Of weights in 4 bits these are the float32 numbers that the bits stand for.
    """
    if not hasattr(backbone.model, _NOTE):
        return
    dequantize(list(_adapted(backbone).values()))
    for path, layer in _adapted(backbone).items():
        backbone.model.set_submodule(path, layer.get_base_layer())
    _forget(backbone.model)


def _forget(model: nn.Module) -> None:
    """Let peft not take the next adapters for a second set of its own."""
    if hasattr(model, _NOTE):
        delattr(model, _NOTE)


def _adapted(backbone: Backbone) -> dict[str, Any]:
    """Give the layers that hold adapters by their paths; of a class of peft, which has no types."""
    layer_type = require("peft.tuners.tuners_utils", extra="peft", purpose=PURPOSE).BaseTunerLayer
    return {path: one for path, one in backbone.model.named_modules() if isinstance(one, layer_type)}


def check_merge(before: NDArray[np.float32], after: NDArray[np.float32]) -> None:
    """Compare the outputs of the model with adapters and of the merged one, ``(N, K)`` each.

    Raises:
        AdapterMergeDiffers: by more than ``TOLERANCE``, relative to the largest output.
    """
    allowed = TOLERANCE * max(1.0, float(abs(before).max()))
    difference = float(abs(after - before).max())
    if not difference <= allowed:
        raise AdapterMergeDiffers(difference, allowed)
