"""What a language model still says: the loss of its own next-token head on texts.

A text classifier made of a language model keeps the body alone. Where the head that named the next token was
tied to the input embeddings, it is still there, so that it can be asked before and after a training.

Shapes: N texts, B batch, T tokens, D width, V words of the vocabulary, M predicted tokens.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from crosstune.core.items import Items
from crosstune.frozen.loader import batches, processing_order
from crosstune.sources.base import Backbone, Batch
from crosstune.sources.transformers_folders import reads_in_order

BATCH = 8
"""Texts that are computed together, of like lengths; the figure does not depend on it."""


@dataclass(frozen=True)
class TextLosses:
    """The loss of every text. A text of one token has none to predict."""

    losses: NDArray[np.float64]
    """``(N,)``: summed over its tokens, in nats."""
    tokens: NDArray[np.int64]
    """``(N,)``: how many were predicted."""


def names_next_token(backbone: Backbone) -> bool:
    """Say whether a body is that of a language model whose next-token head is its input embeddings."""
    config: Any = getattr(backbone.model, "config", None)
    if backbone.modality != "text" or config is None or not hasattr(backbone.model, "base_model"):
        return False
    return reads_in_order(backbone.model) and bool(getattr(config, "tie_word_embeddings", False))


def next_token_losses(backbone: Backbone, items: Items) -> TextLosses:
    """Let a body for which ``names_next_token`` holds predict every token of ``items`` but the first.

    The model is left in the mode in which it was. Cost: a forward pass, and ``2 M V D`` operations.
    Checked by: ``tests/frozen/test_next_token.py``.
    """
    body: Any = backbone.model.base_model
    device, training = next(body.parameters()).device, body.training
    losses, tokens = np.zeros(len(items)), np.zeros(len(items), dtype=np.int64)
    body.eval()
    try:
        with torch.no_grad():
            for indices, batch in batches(backbone, items, processing_order(backbone, items), BATCH):
                each, rows = _losses(body, {name: tensor.to(device) for name, tensor in batch.items()})
                np.add.at(losses, indices[rows], each)
                np.add.at(tokens, indices[rows], 1)
    finally:
        body.train(training)
    return TextLosses(losses, tokens)


def _losses(body: Any, batch: Batch) -> tuple[NDArray[np.float64], NDArray[np.int64]]:  # noqa: ANN401
    """Give the loss of every predicted token ``(M,)``, and its row of the batch ``(M,)``."""
    mask: Tensor = batch["attention_mask"].bool()
    hidden: Tensor = body(**batch).last_hidden_state
    follows = mask[:, 1:] & mask[:, :-1]
    logits = hidden[:, :-1][follows].float() @ body.get_input_embeddings().weight.float().T
    each = cross_entropy(logits, batch["input_ids"][:, 1:][follows], reduction="none")
    return each.double().cpu().numpy(), torch.nonzero(follows)[:, 0].cpu().numpy()
