"""Losses of masks: cross-entropy of pixels, Dice, Lovász. Shapes: B pictures, K classes, S x S pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum

CROSS_ENTROPY, DICE, LOVASZ = "cross-entropy", "dice", "lovasz"


@dataclass(frozen=True, kw_only=True)
class PixelLoss:
    """``sum_i w_i l_i`` over the counted pixels, with the weight ``sum_i w_i``; ``w_i`` is that of the class.

    So every pixel of the effective batch weighs the same, whatever its picture and the micro-batches.

    ``dice`` and ``lovasz`` are of whole pictures, and each picture adds its own as often as its pixels
    weigh: a sum again, so that micro-batches add up here too. Both are averaged over the classes in the
    picture. Dice is one minus ``2 sum p t / (sum p + sum t)``, with p the softmax and t the mask: Milletari
    et al. (2016), V-Net, arXiv:1606.04797, without the squares. Lovász is the extension of one minus IoU to
    p: Berman et al. (2018), arXiv:1705.08790.

    Checked by: ``tests/tasks/test_mask_loss.py``, against sums written out pixel by pixel.
    """

    weights: Tensor
    """``(K,)``."""
    parts: tuple[str, ...] = (CROSS_ENTROPY,)
    """What is summed."""

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
        inside = targets != IGNORED
        each = (weights[targets.clamp(min=0)] * inside).sum(dim=(1, 2))
        total = logits.new_zeros(())
        if CROSS_ENTROPY in self.parts:
            total = total + functional.cross_entropy(
                logits, targets, weight=weights, ignore_index=IGNORED, reduction="sum"
            )
        if DICE in self.parts:
            total = total + (each * (1.0 - dice(logits, targets))).sum()
        if LOVASZ in self.parts:
            total = total + (each * lovasz(logits, targets)).sum()
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


def lovasz(logits: Tensor, targets: Tensor) -> Tensor:
    """Give the Lovász extension of one minus IoU over the classes in each picture, ``(B,)``; 0 without any.

    Cost: one sort of the pixels for each class of each picture.
    """
    found = []
    for own, there in zip(logits.softmax(dim=1).flatten(2), targets.flatten(1), strict=True):
        inside = there != IGNORED
        shares, kinds = own[:, inside], there[inside]
        each = [_extension(shares[kind], kinds == kind) for kind in kinds.unique().tolist()]
        found.append(torch.stack(each).mean() if each else own.sum() * 0.0)
    return torch.stack(found)


def _extension(shares: Tensor, own: Tensor) -> Tensor:
    """Weigh the errors of one class, the largest first, by how much each lowers the IoU."""
    errors, order = torch.where(own, 1.0 - shares, shares).sort(descending=True)
    hits = own[order].to(shares)
    left, either = hits.sum() - hits.cumsum(0), hits.sum() + (1.0 - hits).cumsum(0)
    lost = 1.0 - left / either
    return (errors * torch.diff(lost, prepend=lost.new_zeros(1))).sum()
