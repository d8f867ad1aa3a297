"""What a language model still says: the loss of its own next-token head on texts.

A model that answers has its head. A text classifier made of a language model keeps the body alone; where the
head that named the next token was tied to the input embeddings, it is still there, so that it can be asked
before and after a training.

Shapes: N texts, B batch, T tokens, D width, V words of the vocabulary, M predicted tokens.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from crosstune.core.items import Items
from crosstune.frozen.engines.torch_engine import at_work
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.loader import batches, processing_order
from crosstune.sources.base import Backbone, Batch
from crosstune.sources.model_dialogue import ModelDialogue
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
    """Say whether a model answers, or has the body of one whose next-token head is its input embeddings."""
    if isinstance(backbone.dialogue, ModelDialogue):
        return True
    config: Any = getattr(backbone.model, "config", None)
    if backbone.modality != "text" or config is None or not hasattr(backbone.model, "base_model"):
        return False
    return reads_in_order(backbone.model) and bool(getattr(config, "tie_word_embeddings", False))


def next_token_losses(backbone: Backbone, items: Items) -> TextLosses:
    """Let a model for which ``names_next_token`` holds predict every token of ``items`` but the first.

    A model that answers reads them as plain texts, without its template. The model is left in the mode in
    which it was. Cost: a forward pass, and ``2 M V D`` operations.
    Checked by: ``tests/frozen/test_next_token.py``.
    """
    if isinstance(backbone.dialogue, ModelDialogue):
        return _by_writer(backbone, backbone.dialogue, items)
    body: Any = backbone.model.base_model
    training = body.training
    losses, tokens = np.zeros(len(items)), np.zeros(len(items), dtype=np.int64)
    body.eval()
    try:
        with at_work(backbone.model) as device, torch.no_grad():
            for indices, batch in batches(backbone, items, processing_order(backbone, items), BATCH):
                each, rows = _losses(body, {name: tensor.to(device) for name, tensor in batch.items()})
                np.add.at(losses, indices[rows], each)
                np.add.at(tokens, indices[rows], 1)
    finally:
        body.train(training)
    return TextLosses(losses, tokens)


def _by_writer(backbone: Backbone, dialogue: ModelDialogue, items: Items) -> TextLosses:
    """Ask a :class:`crosstune.sources.writer.Writer`, the longest texts first, one of two tokens at least."""
    rows = [torch.tensor(dialogue.plain(text)) for text in items.batch(range(len(items)))]
    losses, tokens = np.zeros(len(rows)), np.array([max(0, len(row) - 1) for row in rows], np.int64)
    order = [int(row) for row in np.argsort(-tokens, kind="stable") if tokens[row]]
    with at_work(backbone.model) as device, evaluating(backbone.model), torch.no_grad():
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            ids = pad_sequence([rows[row] for row in chosen], batch_first=True, padding_value=-1).to(device)
            follows = ids[:, 1:] >= 0
            places = torch.arange(follows.shape[1], device=device).where(follows, -1)
            logits: Tensor = backbone.model(
                input_ids=ids.clamp(min=0), attention_mask=(ids >= 0).long(), places=places
            )
            each = cross_entropy(logits[follows].float(), ids[:, 1:][follows], reduction="none").double()
            sums = torch.zeros(follows.shape, dtype=torch.float64, device=device)
            losses[chosen] = sums.masked_scatter(follows, each).sum(dim=1).cpu().numpy()
    return TextLosses(losses, tokens)


def _losses(body: Any, batch: Batch) -> tuple[NDArray[np.float64], NDArray[np.int64]]:  # noqa: ANN401
    """Give the loss of every predicted token ``(M,)``, and its row of the batch ``(M,)``."""
    mask: Tensor = batch["attention_mask"].bool()
    hidden: Tensor = body(**batch).last_hidden_state
    follows = mask[:, 1:] & mask[:, :-1]
    logits = hidden[:, :-1][follows].float() @ body.get_input_embeddings().weight.float().T
    each = cross_entropy(logits, batch["input_ids"][:, 1:][follows], reduction="none")
    return each.double().cpu().numpy(), torch.nonzero(follows)[:, 0].cpu().numpy()
