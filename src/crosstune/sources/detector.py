"""What models that find objects by asking queries (the DETR family) have in common.

Shapes: B batch, L layers of the decoder, Q queries, K classes.
"""

from typing import Any

import torch
from torch import Tensor, nn


class Detector(nn.Module):
    """A detection model of transformers, of which every layer of the decoder is read.

    In training all layers are taught; else only the last is read, which is the one that answers. What the
    layers before gave reaches nobody but the function that makes a loss of it, which transformers lets
    others replace: here it only puts the layers together.
    """

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - untyped
        """Hold the model."""
        super().__init__()
        self.inner = inner
        inner.loss_function = layers_together

    def forward(self, sizes: Tensor | None = None, **batch: Tensor) -> Tensor:
        """Return logits and boxes, ``(B, L, Q, K + 5)`` (softmax) or ``(B, L, Q, K + 4)`` (sigmoid).

        L is 1 in eval mode. ``sizes`` is not for the model.
        """
        del sizes
        if not self.training:
            outputs = self.inner(**batch)
            return torch.cat([outputs.logits, outputs.pred_boxes], dim=-1).unsqueeze(1)
        found: Tensor = self.inner(**batch, labels=[]).loss
        return found


def layers_together(
    logits: Tensor,
    labels: object,
    device: object,
    boxes: Tensor,
    config: object,
    every_logits: Tensor | None = None,
    every_box: Tensor | None = None,
    enc_topk_logits: Tensor | None = None,
    enc_topk_bboxes: Tensor | None = None,
    **rest: object,
) -> tuple[Tensor, None, None]:
    """Put the outputs of all layers together, ``(B, L, Q, C)``, in the place of a loss of transformers.

    Where the encoder chooses the queries (RT-DETR and its kin), what it gave them stands first: that is how
    it learns to choose. Those models hold the batch in the first axis; the others hold the layers there.
    """
    del labels, device, config, rest
    last = torch.cat([logits, boxes], dim=-1)
    if every_logits is None or every_box is None:
        return last.unsqueeze(1), None, None
    every = torch.cat([every_logits, every_box], dim=-1)
    if enc_topk_logits is None or enc_topk_bboxes is None:
        return every.transpose(0, 1), None, None
    first = torch.cat([enc_topk_logits, enc_topk_bboxes], dim=-1)
    return torch.cat([first.unsqueeze(1), every], dim=1), None, None
