"""Language models as classifiers: the head reads the last token of each text, and only that.

The classification models that transformers derives from decoders (Llama, Qwen, Gemma ...) apply their head
to every token and then pick one row of it. Here the row is picked first: the same logits from one vector
for each text, which is what taps, closed-form heads and cuts need. Nothing of it is in the saved folder.

Shapes: B batch, T tokens, H width, K head outputs.
"""

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn


def is_decoder(model: nn.Module) -> bool:
    """Say whether ``model`` is one of transformers' classifiers that read the last token."""
    from transformers.modeling_layers import GenericForSequenceClassification

    return isinstance(model, GenericForSequenceClassification)


def last_token(ids: Tensor, padding: int) -> Tensor:
    """Return the place ``(B,)`` of the last token of each text that is not padding, 0 where all is.

    The rule is transformers' own, letter for letter: it looks at the ids, not at the mask, and takes the
    rightmost, so that it holds for padding on either side. A text that itself ends in the padding token is
    read one token earlier, there as here.
    """
    places = torch.arange(ids.shape[1], device=ids.device, dtype=torch.int32)
    return (places * (ids != padding).to(torch.int32)).argmax(dim=1)


def read_last_token(model: Any, tokenizer: Any) -> None:  # noqa: ANN401 - untyped
    """Make ``model``, in place, apply its head to the last token alone; padding goes to the right.

    To the right, so that a token has the same position in every batch: what is stored of a text is then
    what any batch would compute. A causal mask keeps the padding behind a text out of it.

    Args:
        model: of transformers; :func:`is_decoder` is true for it.
        tokenizer: its padding token becomes that of the model, which otherwise would read padding.

    Checked by: ``tests/sources/test_decoders.py``, against the model's own forward.
    """
    tokenizer.padding_side = "right"
    model.config.pad_token_id = tokenizer.pad_token_id
    model.forward = MethodType(_forward, model)


def _forward(self: Any, input_ids: Tensor, attention_mask: Tensor | None = None, **other: Tensor) -> Any:  # noqa: ANN401
    from transformers.modeling_outputs import SequenceClassifierOutputWithPast

    body = getattr(self, self.base_model_prefix)
    hidden = body(input_ids=input_ids, attention_mask=attention_mask, use_cache=False, **other)[0]
    rows = torch.arange(hidden.shape[0], device=hidden.device)
    read = hidden[rows, last_token(input_ids, self.config.pad_token_id)]
    return SequenceClassifierOutputWithPast(logits=self.score(read))
