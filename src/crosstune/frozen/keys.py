"""Cache keys: a hash over everything that fixes what a frozen body computes."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from crosstune.core.items import Items
from crosstune.sources.base import Backbone

FORMAT = 1
"""Raise it when files or features change their meaning: older ones are then computed again."""

_ABOUT_THE_HEAD = frozenset(
    {"id2label", "label2id", "num_labels", "num_classes", "problem_type", "architectures"}
    | {"_name_or_path", "name_or_path", "transformers_version", "dtype", "torch_dtype"}
)


def pass_key(backbone: Backbone, items: Items, *, family: str, what: str = "taps") -> str:
    """Hash data, body, preprocessing, and how it is computed.

    Args:
        backbone: its head is left out: no tap lies behind it.
        items: its ``digest`` stands for the content.
        family: ``exact`` or ``close``, with the engine's name where the user chose one.
        what: which view of the body.

    Cost: hashing the weights, about 1 GB a second.
    """
    described = {
        "format": FORMAT,
        "what": what,
        "items": items.digest,
        "count": len(items),
        "family": family,
        "preprocessing": backbone.preprocessing.describe(),
        "body": body_digest(backbone),
        "mask": backbone.mask,
        "blocks": [asdict(block) for block in backbone.blocks],
        "profile": asdict(backbone.profile) if backbone.profile else None,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


def body_digest(backbone: Backbone, *, head: bool = False) -> str:
    """Hash every weight, buffer and setting of the model; the head only on request."""
    prefix = f"{backbone.head}."
    total = hashlib.sha256()
    for name, tensor in sorted(backbone.model.state_dict().items()):
        if head or not name.startswith(prefix):
            total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            total.update(_bytes(tensor))
    for name, module in backbone.model.named_modules():
        if head or name != backbone.head:
            total.update(f"{name} {type(module).__name__} {_extra(module)}".encode())
    total.update(json.dumps(_settings(backbone.model), sort_keys=True, default=str).encode())
    return total.hexdigest()


def _bytes(tensor: torch.Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


def _extra(module: nn.Module) -> str:
    return module.extra_repr().replace("\n", " ")


def _settings(model: nn.Module) -> dict[str, Any]:
    """Return the settings of a transformers model that change what the body computes."""
    config = getattr(model, "config", None)
    raw = config.to_dict() if config is not None and hasattr(config, "to_dict") else {}
    return {key: value for key, value in raw.items() if key not in _ABOUT_THE_HEAD}
