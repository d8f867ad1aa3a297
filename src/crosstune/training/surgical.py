"""Surgical fine-tuning: one third of the blocks moves, and gradients say which."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from crosstune.core.errors import DoesNotApply
from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.settings import Settings
from crosstune.frozen.freeze import block_parameters, evaluating, freeze
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.aside import unchanged
from crosstune.training.encoding import encode
from crosstune.training.loader import as_targets, taught
from crosstune.training.order import Order
from crosstune.training.strategies import PARTS, load_head, part_of

BATCHES = 5
"""PRIOR: batches over which Auto-RGN averages (Lee 2022, their code)."""


@dataclass(frozen=True)
class RelativeGradients:
    """What a few batches say about where a model has to move."""

    tensors: Mapping[str, float]
    """``||gradient|| / ||weights||`` of each weight tensor, averaged over the batches."""
    blocks: tuple[float, ...]
    """The mean over the tensors of each block; NaN for a block without any."""
    parts: Mapping[str, float]
    """The mean over the tensors of each third."""

    @property
    def largest(self) -> str:
        """Name the third whose weights are furthest from where the data wants them; of equals the last."""
        return max(reversed(PARTS), key=lambda part: self.parts[part])


def relative_gradients(
    backbone: Backbone, task: Task, items: Items, settings: Settings, *, head: HeadWeights | None
) -> RelativeGradients:
    """Measure relative gradient norms of the body; the model is left as it was, bit for bit.

    BatchNorm is left out, as its statistics answer a change of the input by themselves, and so is everything
    else with one axis (biases, norms): a bias near zero has any ratio. A tensor of zeros has none, and one
    that no gradient reaches has zero.

    Args:
        backbone: in eval mode while it is measured, so that dropout draws nothing.
        task: fitted on the training targets.
        items: the training split; ``BATCHES`` batches of the first epoch are read.
        settings: batch size, seed and loss.
        head: what training will start from; ``None`` is the random head that the model has.

    Raises:
        DoesNotApply: the model has fewer than three blocks, or no weights that could be compared.

    Cost: forward and backward passes of five batches, one copy of the weights.
    Source: Lee et al. (2022), Surgical fine-tuning, arXiv:2210.11466, and their code.
    Checked by: ``tests/training/test_surgical.py``: the closed form of a linear model.
    """
    part_of("first", len(backbone.blocks))
    encoded = task.encode(items.targets())
    loss = task.make_loss(settings, encoded)
    order = Order(len(items), settings.batch_size, settings.seed)
    device = next(backbone.model.parameters()).device
    steps = range(min(BATCHES, order.steps_per_epoch))
    with unchanged(backbone, device):
        if head is not None:
            load_head(backbone, head)
        freeze(backbone, 0)
        sums: dict[str, float] = {}
        with evaluating(backbone.model):
            for step in steps:
                indices = order.batch(step)
                targets = as_targets(task, encoded[indices])
                raw = items.batch(indices.tolist())
                batch = taught(task, encode(backbone.preprocessing, raw), targets)
                moved = {name: tensor.to(device) for name, tensor in batch.items()}
                outputs = backbone.logits(backbone.model(**moved)).float()
                total, weight = loss(outputs, targets.to(device))
                backbone.model.zero_grad(set_to_none=True)
                (total / weight).backward()  # type: ignore[no-untyped-call]
                for name, ratio in _ratios(backbone.model).items():
                    sums[name] = sums.get(name, 0.0) + ratio / len(steps)
        return _by_part(backbone, sums)


def _ratios(model: nn.Module) -> dict[str, float]:
    """Give ``||gradient|| / ||weights||`` of every tensor with at least two axes that is not all zero."""
    found = {}
    for name, parameter in model.named_parameters():
        norm = _norm(parameter.detach())
        if parameter.ndim > 1 and norm > 0.0 and parameter.requires_grad:
            found[name] = (0.0 if parameter.grad is None else _norm(parameter.grad)) / norm
    return found


def _norm(tensor: Tensor) -> float:
    return float(torch.linalg.vector_norm(tensor.double() if tensor.device.type != "mps" else tensor))


def _by_part(backbone: Backbone, ratios: Mapping[str, float]) -> RelativeGradients:
    names = {id(parameter): name for name, parameter in backbone.model.named_parameters()}
    grouped = [
        [ratios[names[id(one)]] for one in parameters if names[id(one)] in ratios]
        for parameters in block_parameters(backbone)
    ]
    inside = {names[id(one)] for parameters in block_parameters(backbone) for one in parameters}
    parts = {}
    for part in PARTS:
        start, end = part_of(part, len(grouped))
        parts[part] = _mean([one for block in grouped[start:end] for one in block])
    known = {part: 0.0 if math.isnan(value) else value for part, value in parts.items()}
    if not any(known.values()):
        raise DoesNotApply(
            "gradients cannot say which part of the model to move",
            found="no weights of two axes or more in its blocks that a gradient reaches",
            expected="convolutions or linear layers",
            fix="name the part: --set surgical_part=first, middle or last",
        )
    body = {name: ratio for name, ratio in ratios.items() if name in inside}
    return RelativeGradients(body, tuple(_mean(block) for block in grouped), known)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
