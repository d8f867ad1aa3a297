"""Losses of masks: cross-entropy of each pixel, and Dice. Shapes: B pictures, K classes, S x S pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum


@dataclass(frozen=True, kw_only=True)
class PixelLoss:
    """``sum_i w_i l_i`` over the counted pixels, with the weight ``sum_i w_i``; ``w_i`` is that of the class.

    So every pixel of the effective batch weighs the same, whatever its picture and the micro-batches.

    With ``dice``, each picture adds one minus its Dice coefficient, as often as its pixels weigh: a sum
    again, so that micro-batches add up here too. The coefficient is ``2 sum p t / (sum p + sum t)``, with p
    the softmax and t the mask, averaged over the classes that are in the picture. Source: Milletari et al.
    (2016), V-Net, arXiv:1606.04797, without the squares.

    Checked by: ``tests/tasks/test_mask_loss.py``, against sums written out pixel by pixel.
    """

    weights: Tensor
    """``(K,)``."""
    dice: bool = False

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Map logits ``(B, K, h, w)``, enlarged to the masks, and masks ``(B, S, S)`` to the weighted sum.

        Masks hold class numbers, ``IGNORED`` where a pixel does not count.
        Cost: memory for ``B K S S`` numbers.
        """
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        size = targets.shape[-2:]
        if logits.shape[-2:] != size:
            logits = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        weights = self.weights.to(logits)
        total = functional.cross_entropy(
            logits, targets, weight=weights, ignore_index=IGNORED, reduction="sum"
        )
        inside = targets != IGNORED
        each = (weights[targets.clamp(min=0)] * inside).sum(dim=(1, 2))
        if self.dice:
            total = total + (each * (1.0 - dice(logits, targets))).sum()
        return LossSum(total, each.sum())


def dice(logits: Tensor, targets: Tensor) -> Tensor:
    """Give the Dice coefficient of each picture over the classes that are in it, ``(B,)``; 1 without any."""
    inside = (targets != IGNORED).unsqueeze(1)
    found = logits.softmax(dim=1) * inside
    there = functional.one_hot(targets.clamp(min=0), logits.shape[1]).movedim(-1, 1).to(logits) * inside
    both = (found * there).sum(dim=(2, 3))
    sizes = found.sum(dim=(2, 3)) + there.sum(dim=(2, 3))
    present = there.sum(dim=(2, 3)) > 0
    each = torch.where(present, 2.0 * both / sizes.clamp(min=1e-12), torch.zeros_like(both))
    count = present.sum(dim=1)
    return torch.where(count > 0, each.sum(dim=1) / count.clamp(min=1), torch.ones_like(each[:, 0]))
