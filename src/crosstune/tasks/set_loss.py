"""The loss of models that ask queries (the DETR family): every object is matched with one query.

Shapes: B pictures, L layers of the decoder, Q queries, K classes, M rows of collated targets, n matches.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from crosstune.tasks.base import LossSum

CLASS_COST, L1_WEIGHT, GIOU_WEIGHT = {"softmax": 1.0, "sigmoid": 2.0}, 5.0, 2.0
"""As published for DETR and RT-DETR; L1 and GIoU weigh the same in costs and losses, and the loss over
classes weighs 1."""
NO_OBJECT_WEIGHT = 0.1
"""Of queries without an object in the cross-entropy (DETR)."""
FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0
"""Of the focal cost of sigmoid models (Deformable DETR, RT-DETR)."""
VARIFOCAL_ALPHA, VARIFOCAL_GAMMA = 0.75, 2.0
"""Of the varifocal loss of sigmoid models (RT-DETR)."""
MOSTLY = 0.5
"""Share of its own area from which on a query lies in a box that is ignored."""
_TINY = 1e-12
_INSIDE_LOG = 1e-8


class Answers(NamedTuple):
    """The outputs of queries in their two parts."""

    logits: Tensor
    """``(B, L, Q, K + 1)``, the last is *no object* (softmax); or ``(B, L, Q, K)`` (sigmoid)."""
    boxes: Tensor
    """``(B, L, Q, 4)``: centre x, centre y, width and height as shares of the sides."""


class Matches(NamedTuple):
    """Which query stands for which object, ``(n,)`` each."""

    picture: Tensor
    layer: Tensor
    query: Tensor
    row: Tensor
    """Of the targets of the picture."""


@dataclass(frozen=True, kw_only=True)
class SetLoss:
    """Match objects with queries, one to one and at the least cost, then learn the matches.

    The cost is that of the class, plus 5 times the L1 distance of boxes, minus 2 times their GIoU. Softmax
    models (DETR, YOLOS) pay ``- p(class)``, sigmoid models (RT-DETR, Deformable DETR) twice the difference
    of the two focal terms. Each layer is matched, and learnt, by itself.

    Loss of boxes: 5 times L1 plus 2 times ``1 - GIoU``, summed over matches. Loss of classes:

    - softmax: cross-entropy, with weight 0.1 where the right answer is *no object*. DETR divides by the sum
      of weights over the batch, which is no sum over pictures. Here each picture is divided by its own sum
      of weights and counts as often as it has objects (1 where it has none): for one picture that is DETR.
    - sigmoid: varifocal, whose target is the IoU of the match. It is summed as RT-DETR does.

    Objects that are ignored are matched with nothing, and a query without a match that lies mostly in one of
    them is not taught that there is nothing. All terms are sums over pictures; the weight is the number of
    objects, where a picture without any counts 1: so micro-batches add up exactly.

    Sources: Carion et al. (2020), arXiv:2005.12872; Zhu et al. (2021), arXiv:2010.04159; Zhao et al. (2024),
    arXiv:2304.08069; Zhang et al. (2021), VarifocalNet, arXiv:2008.13367.
    Checked by: ``tests/tasks/test_set_loss.py``, against all permutations, and transformers' own losses.
    """

    classes: int
    """K."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Sum the loss over pictures and layers.

        Args:
            outputs: ``(B, L, Q, K + 5)`` (softmax) or ``(B, L, Q, K + 4)`` (sigmoid).
            targets: ``(B, M, 6)`` as ``ObjectDetection.collate`` gives them.

        Cost: ``B L`` assignments of ``Q`` to ``M`` on the CPU, and memory for ``B L Q M`` costs.
        """
        answers = parted(outputs if outputs.dtype == torch.float64 else outputs.float())
        targets = targets.to(answers.boxes)
        objects = (targets[..., 5] == 1).sum(dim=1)
        weights = objects.clamp(min=1).to(answers.boxes)
        found = self.matched(answers, targets)
        learn = _cross_entropy if self._softmax(answers) else _varifocal
        total = learn(answers, targets, found, weights) + _box_loss(answers, targets, found)
        return LossSum(total, weights.sum())

    def _softmax(self, answers: Answers) -> bool:
        return answers.logits.shape[-1] == self.classes + 1

    @torch.no_grad()
    def matched(self, answers: Answers, targets: Tensor) -> Matches:
        """Match the objects of every picture with its queries, in every layer by itself."""
        costs = self._costs(answers, targets).cpu().numpy()
        there = (targets[..., 5] == 1).cpu().numpy()
        rows = [
            _assigned(costs[picture, layer], picture, layer, np.flatnonzero(there[picture]))
            for picture in range(costs.shape[0])
            for layer in range(costs.shape[1])
        ]
        table = torch.from_numpy(np.concatenate(rows)).to(targets.device)
        return Matches(*table.unbind(dim=1))

    def _costs(self, answers: Answers, targets: Tensor) -> Tensor:
        """Give what each match would cost, ``(B, L, Q, M)``; finite, so that a bad loss is named later."""
        picked = targets[..., 4].long().clamp(min=0)[:, None, None].expand(*answers.boxes.shape[:3], -1)
        if self._softmax(answers):
            cost = -CLASS_COST["softmax"] * answers.logits.softmax(dim=-1).gather(-1, picked)
        else:
            cost = CLASS_COST["sigmoid"] * _focal_cost(answers.logits.sigmoid()).gather(-1, picked)
        theirs = targets[:, None, None, :, :4]
        ours = answers.boxes.unsqueeze(-2)
        far = (ours - centred(theirs)).abs().sum(dim=-1)
        cost = cost + L1_WEIGHT * far - GIOU_WEIGHT * overlap(cornered(ours), theirs).giou
        return cost.nan_to_num(nan=1e9, posinf=1e9, neginf=-1e9)


class Overlap(NamedTuple):
    """How far boxes cover each other."""

    iou: Tensor
    giou: Tensor


def parted(outputs: Tensor) -> Answers:
    """Part outputs of queries into logits and boxes."""
    return Answers(outputs[..., :-4], outputs[..., -4:])


def centred(boxes: Tensor) -> Tensor:
    """Turn left, top, right, bottom ``(..., 4)`` into centre x, centre y, width, height."""
    first, last = boxes[..., :2], boxes[..., 2:4]
    return torch.cat([(first + last) / 2, last - first], dim=-1)


def cornered(boxes: Tensor) -> Tensor:
    """Turn centre x, centre y, width, height ``(..., 4)`` into left, top, right, bottom."""
    middle, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([middle - half, middle + half], dim=-1)


def overlap(one: Tensor, other: Tensor) -> Overlap:
    """Return intersection over union, and GIoU, of boxes by their corners ``(..., 4)``, broadcast.

    Source: Rezatofighi et al. (2019), arXiv:1902.09630.
    """
    shared = _area(torch.maximum(one[..., :2], other[..., :2]), torch.minimum(one[..., 2:], other[..., 2:]))
    areas = [_area(boxes[..., :2], boxes[..., 2:]) for boxes in (one, other)]
    union = (areas[0] + areas[1] - shared).clamp(min=_TINY)
    hull = _area(torch.minimum(one[..., :2], other[..., :2]), torch.maximum(one[..., 2:], other[..., 2:]))
    iou = shared / union
    return Overlap(iou, iou - 1 + union / hull.clamp(min=_TINY))


def _area(first: Tensor, last: Tensor) -> Tensor:
    return (last - first).clamp(min=0).prod(dim=-1)


def _assigned(costs: NDArray[Any], picture: int, layer: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    from scipy.optimize import linear_sum_assignment

    queries, places = linear_sum_assignment(costs[:, rows])
    whose = np.full((len(queries), 2), (picture, layer), np.int64)
    return np.concatenate([whose, np.stack([queries, rows[places]], axis=1)], axis=1).astype(np.int64)


def _focal_cost(probability: Tensor) -> Tensor:
    """Give what it costs to call a query each class, ``(..., K)``."""
    yes = FOCAL_ALPHA * (1 - probability) ** FOCAL_GAMMA * -(probability + _INSIDE_LOG).log()
    no = (1 - FOCAL_ALPHA) * probability**FOCAL_GAMMA * -(1 - probability + _INSIDE_LOG).log()
    return yes - no


def _box_loss(answers: Answers, targets: Tensor, found: Matches) -> Tensor:
    ours, theirs = answers.boxes[found[:3]], targets[found.picture, found.row, :4]
    far = (ours - centred(theirs)).abs().sum()
    return L1_WEIGHT * far + GIOU_WEIGHT * (1 - overlap(cornered(ours), theirs).giou).sum()


def _free(answers: Answers, targets: Tensor, found: Matches) -> Tensor:
    """Say which queries are taught that they show nothing, ``(B, L, Q)``: no match, and not ignored."""
    free = ~_in_ignored(answers, targets)
    free[found[:3]] = False
    return free


def _in_ignored(answers: Answers, targets: Tensor) -> Tensor:
    """Say which queries lie mostly in one ignored box, ``(B, L, Q)``."""
    there = targets[..., 5] == 0
    if not there.any():
        return torch.zeros_like(answers.boxes[..., 0], dtype=torch.bool)
    ours = cornered(answers.boxes.detach()).unsqueeze(-2)
    theirs = targets[:, None, None, :, :4]
    shared = _area(
        torch.maximum(ours[..., :2], theirs[..., :2]), torch.minimum(ours[..., 2:], theirs[..., 2:])
    )
    share = shared / _area(ours[..., :2], ours[..., 2:]).clamp(min=_TINY)
    return ((share > MOSTLY) & there[:, None, None]).any(dim=-1)


def _cross_entropy(answers: Answers, targets: Tensor, found: Matches, weights: Tensor) -> Tensor:
    """Sum the cross-entropy over pictures and layers, each as often as ``weights`` ``(B,)`` says."""
    logits = answers.logits
    nothing = logits.shape[-1] - 1
    right = torch.full(logits.shape[:3], nothing, dtype=torch.long, device=logits.device)
    right[found[:3]] = targets[found.picture, found.row, 4].long()
    each = NO_OBJECT_WEIGHT * _free(answers, targets, found).to(logits)
    each[found[:3]] = 1.0
    lost = functional.cross_entropy(logits.movedim(-1, 1), right, reduction="none")
    mean = (each * lost).sum(dim=-1) / each.sum(dim=-1).clamp(min=_TINY)
    return (mean * weights[:, None]).sum()


def _varifocal(answers: Answers, targets: Tensor, found: Matches, weights: Tensor) -> Tensor:
    """Sum the varifocal loss over all queries and classes; it needs no ``weights``."""
    del weights
    logits = answers.logits
    theirs, kinds = targets[found.picture, found.row, :4], targets[found.picture, found.row, 4].long()
    place = (*found[:3], kinds)
    right, is_right = torch.zeros_like(logits), torch.zeros_like(logits)
    right[place] = overlap(cornered(answers.boxes[found[:3]].detach()), theirs).iou
    is_right[place] = 1.0
    counted = _free(answers, targets, found)
    counted[found[:3]] = True
    wrong = VARIFOCAL_ALPHA * logits.detach().sigmoid() ** VARIFOCAL_GAMMA * (1 - is_right)
    each = (wrong + right) * counted.unsqueeze(-1).to(logits)
    return functional.binary_cross_entropy_with_logits(logits, right, weight=each, reduction="sum")
