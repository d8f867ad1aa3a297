"""Gradient checkpointing: layers keep only what they read, and are computed once more in the backward pass.

By transformers' own layers and torch's checkpoints that are not reentrant: those give gradients behind frozen
layers too, draw the same dropout again, and compute nothing twice where nothing is to be differentiated.
"""

from typing import Any

from torch import nn

from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.training.batchnorm import batchnorms
from crosstune.training.errors import CannotCheckpoint

KWARGS = {"use_reentrant": False}


def require_checkpointing(settings: Settings, backbone: Backbone) -> None:
    """Hold ``gradient_checkpointing=on`` to the model; raises ``CannotCheckpoint``."""
    if settings.gradient_checkpointing == "on" and (why := obstacle(backbone.model)):
        raise CannotCheckpoint(backbone.name, why)


def choose_checkpointing(backbone: Backbone, settings: Settings) -> str:
    """Switch checkpointing on in the model where that is asked for; returns ``on`` or ``off``.

    Under ``auto`` it is off until memory runs out with one example (``recovery.py``).

    Raises:
        CannotCheckpoint: ``gradient_checkpointing=on``, and it cannot be.
    """
    require_checkpointing(settings, backbone)
    if settings.gradient_checkpointing == "on":
        switch_on(backbone.model)
        return "on"
    return "off"


def obstacle(model: nn.Module) -> str:
    """Say why a model cannot do it; nothing where it can."""
    parts = _parts(model)
    if not parts:
        return "it is no model of transformers"
    for part in parts:
        offered = any(hasattr(module, "gradient_checkpointing") for module in part.modules())
        if not (part.supports_gradient_checkpointing and offered):
            return f"{type(part).__name__} of transformers does not offer it"
    if batchnorms(model):
        return "its BatchNorms would count the statistics of every batch twice"
    return ""


def switch_on(model: nn.Module) -> None:
    """Let the layers keep only their inputs while training; nothing changes in eval mode.

    Cost: one more forward pass of the layers in each backward pass: about a third more time of a step.
    Checked by: ``tests/training/test_checkpointing.py``.
    """
    for part in _parts(model):
        if hasattr(part, "activation_checkpointing_enable"):  # the other name is deprecated
            part.activation_checkpointing_enable(activation_checkpointing_kwargs=KWARGS)
        else:
            part.gradient_checkpointing_enable(gradient_checkpointing_kwargs=KWARGS)
        if hasattr(part, "_require_grads_hook"):
            # Reentrant checkpoints need embeddings with a gradient. These do not, and it would let the
            # backward pass run through all frozen layers.
            part.disable_input_require_grads()


def switch_off(model: nn.Module) -> None:
    """Let the layers keep everything again."""
    for part in _parts(model):
        if not any(getattr(module, "gradient_checkpointing", False) for module in part.modules()):
            continue
        if hasattr(part, "activation_checkpointing_disable"):
            part.activation_checkpointing_disable()
        else:
            part.gradient_checkpointing_disable()


def _parts(model: nn.Module) -> list[Any]:
    """List the outermost modules that are models of transformers, which has no types."""
    if hasattr(model, "supports_gradient_checkpointing"):
        return [model]
    return [part for child in model.children() for part in _parts(child)]
