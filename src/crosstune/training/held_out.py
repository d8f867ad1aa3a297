"""How well a masked language model names hidden tokens of texts that it was not trained on."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from crosstune.core.items import Items
from crosstune.sources.base import Preprocessing
from crosstune.sources.masked import MaskedModel
from crosstune.training.encoding import encode, input_lengths
from crosstune.training.forward import autocast
from crosstune.training.masking import Masker

BATCH = 32
"""Texts that are computed together; the figure does not depend on it."""


@dataclass(frozen=True)
class HeldOut:
    """The figures on one set of texts."""

    loss: float
    """Mean over the hidden tokens, in nats; NaN where no token can be hidden."""
    right: float
    """Share of the hidden tokens that are named first."""
    tokens: int
    """Hidden tokens."""

    @property
    def perplexity(self) -> float:
        """Give ``exp(loss)``: among how many tokens, equally likely, the model is undecided."""
        return math.exp(min(self.loss, 700.0))


def name_hidden(
    model: MaskedModel, items: Items, masker: Masker, preprocessing: Preprocessing, *, bf16: bool = False
) -> HeldOut:
    """Hide tokens of every text once and let the model name them, in eval mode.

    Which tokens are hidden depends on the masker's seed and purpose and on the place of the text, so that
    figures before and after a training are about the same tokens.

    Cost: one forward pass of the texts. Checked by: ``tests/training/test_held_out.py``.
    """
    device = next(model.model.parameters()).device
    order = np.argsort(input_lengths(items, preprocessing), kind="stable")
    total, right, tokens = 0.0, 0, 0
    training = model.model.training
    model.model.eval()
    with torch.no_grad():
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH].tolist()
            one = masker(encode(preprocessing, items.batch(rows)), rows)
            if not len(one.labels):
                continue
            labels = one.labels.to(device)
            with autocast(device, bf16=bf16):
                logits = model.logits(
                    {name: tensor.to(device) for name, tensor in one.batch.items()}, one.chosen.to(device)
                )
            total += float(cross_entropy(logits, labels, reduction="sum"))
            right += int((logits.argmax(dim=1) == labels).sum())
            tokens += len(labels)
    model.model.train(training)
    if not tokens:
        return HeldOut(math.nan, math.nan, 0)
    return HeldOut(total / tokens, right / tokens, tokens)
