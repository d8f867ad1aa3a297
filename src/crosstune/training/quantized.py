"""Frozen weights under adapters in 4 bits while training (QLoRA), and whole numbers again afterwards.

The model is opened in float32 in the memory of the machine, as everywhere. While it is trained, each layer
that got an adapter is held by the GPU in the 4-bit numbers of bitsandbytes. Afterwards it has the float32
numbers that these stand for, and the adapter is worked into them: that is the function that was trained.
"""

from typing import Any

import torch
from torch import nn

from crosstune.core.errors import DoesNotApply
from crosstune.core.extras import require
from crosstune.core.processes import launched
from crosstune.core.settings import Settings
from crosstune.training.errors import NoCuda

PACKAGE, EXTRA, PURPOSE = "bitsandbytes", "quantized", "quantize_base"
HOW = {"quant_type": "nf4", "compress_statistics": True}
"""As Dettmers 2023 (arXiv:2305.14314): NormalFloat, and the scales of blocks in 8 bits."""


def require_quantized(settings: Settings, strategy: str | None) -> None:
    """Hold ``quantize_base`` to the other settings and to this machine, before anything is loaded.

    Args:
        settings: what was asked.
        strategy: the one that was named; ``None`` where it is left open.

    Raises:
        DoesNotApply: another strategy than lora, adapters of the kind dora, or several processes.
        NoCuda: there is no GPU.
        MissingExtra: bitsandbytes is not installed.
    """
    if not settings.quantize_base:
        return
    plain = settings.lora_variant != "dora"
    for fits, found, expected, why in (
        (strategy == "lora", f"strategy={strategy or 'left open'}", "strategy=lora", "nothing else may move"),
        (
            plain,
            "lora_variant=dora",
            "lora_variant=lora or rslora",
            "DoRA measures rows of whole weights",
        ),
        (launched().world == 1, "several processes", "one process", "it was never tried in several"),
    ):
        if not fits:
            raise DoesNotApply(
                f"`quantize_base` holds the weights under adapters in 4 bits, and {why}",
                found=f"quantize_base=true with {found}",
                expected=expected,
                fix=f"take {expected}, or leave `quantize_base` out",
            )
    if not has_cuda():
        raise NoCuda(PURPOSE, EXTRA)
    require(PACKAGE, extra=EXTRA, purpose=PURPOSE)


def has_cuda() -> bool:
    """Say whether there is a GPU that bitsandbytes computes on."""
    return torch.cuda.is_available()


def quantize(layers: list[Any]) -> None:
    """Let layers with adapters, of peft, hold their own weights in 4 bits once they are moved to the GPU.

    Linear layers alone; the numbers are computed where the model lies after its next ``to``.
    """
    bnb = require(PACKAGE, extra=EXTRA, purpose=PURPOSE)
    for layer in layers:
        plain = layer.get_base_layer()
        if type(plain) is not nn.Linear:
            continue
        # In float32, whatever the precision of the rest: slower, but the merge can be verified.
        held = bnb.nn.Linear4bit(
            plain.in_features, plain.out_features, bias=plain.bias is not None, device="meta",
            compute_dtype=torch.float32, **HOW,
        )  # fmt: skip
        held.weight = bnb.nn.Params4bit(plain.weight.detach(), requires_grad=False, module=held, **HOW)
        held.bias = plain.bias
        layer.base_layer = held


def dequantize(layers: list[Any]) -> None:
    """Give layers with adapters plain weights again: the float32 numbers that the 4 bits stand for."""
    for layer in layers:
        held = layer.get_base_layer()
        if not hasattr(held, "quant_state"):
            continue
        functional = require(PACKAGE, extra=EXTRA, purpose=PURPOSE).functional
        weight = held.weight
        state = weight.quant_state
        numbers = weight.detach() if state is None else functional.dequantize_4bit(weight.data, state)
        plain = nn.Linear(held.in_features, held.out_features, bias=held.bias is not None, device="meta")
        plain.weight = nn.Parameter(numbers.float().contiguous(), requires_grad=False)
        plain.bias = held.bias
        layer.base_layer = plain
