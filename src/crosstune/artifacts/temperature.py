"""A temperature folded into the head that ships: weight and bias are divided, nothing is added to a model."""

from dataclasses import replace

import torch

from crosstune.artifacts.model import SavedModel
from crosstune.core.head import HeadWeights
from crosstune.sources.base import Backbone


def cool_head(head: HeadWeights, temperature: float) -> HeadWeights:
    """Give a head whose outputs are those of ``head`` divided by ``temperature``.

    Raises:
        ValueError: the temperature is not a positive finite number.
    """
    _check(temperature)
    return replace(head, weight=head.weight / temperature, bias=head.bias / temperature)


def cool_native(backbone: Backbone, temperature: float) -> None:
    """Divide the native head by ``temperature``, in place; outputs are divided but for rounding.

    Two outputs that differ by less than float32 rounding may change their order; no others can.

    Raises:
        ValueError: the temperature is not a positive finite number.

    Checked by: ``tests/artifacts/test_temperature.py``: equal decisions, divided outputs.
    """
    _check(temperature)
    module = backbone.head_module()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_((parameter.double() / temperature).to(parameter.dtype))


def cool(model: SavedModel, temperature: float) -> SavedModel:
    """Give the model with its outputs divided; the native head is changed in place, a linear one replaced.

    A model of values is given back as it is: its outputs are no logits.

    Raises:
        ValueError: the temperature is not a positive finite number.
    """
    _check(temperature)
    if temperature == 1.0 or model.task.linear_kind() == "values":
        return model
    if model.head is None:
        cool_native(model.backbone, temperature)
        return model
    return replace(model, head=cool_head(model.head, temperature))


def _check(temperature: float) -> None:
    if not 0.0 < temperature < float("inf"):
        raise ValueError(f"a temperature is a positive finite number, got {temperature}")
