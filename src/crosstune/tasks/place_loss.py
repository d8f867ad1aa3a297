"""The loss of a detector whose every place answers: which place learns which object, and how it is judged.

Shapes: B pictures, P places, K classes, n objects of a picture, M of the fullest one.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import box_iou, generalized_box_iou_loss

from crosstune.core.place_grid import place_grid
from crosstune.tasks.base import LossSum

ALPHA, BETA, MOST = 1.0, 6.0, 13
"""Of the assignment: powers of score and overlap, places that learn an object. Source: TOOD, Feng et al.
(2021), arXiv:2108.07755."""

BOX_WEIGHT = 2.0
"""Of GIoU beside the classes, as in TOOD."""

FOCUS = 2.0
"""Power of the distance to the target in the focal loss: quality focal loss, Li et al. (2020),
arXiv:2006.04388."""


@dataclass(frozen=True, kw_only=True)
class PlaceLoss:
    """Task-aligned assignment (TOOD, arXiv:2108.07755), binary cross-entropy of classes, GIoU of boxes.

    An object is learnt by the ``MOST`` places inside its box whose ``score^alpha IoU^beta`` is largest; one
    without a place inside, by that nearest to its middle. A place learns one object at most, that which it
    overlaps most. Its class target is that product, scaled so that the best place of an object has the IoU
    that it reaches; every other target is 0. Places in ignored objects that learn nothing count nowhere.

    Sums, with the number of objects as the weight: every object of the effective batch weighs the same, and
    micro-batches change nothing. A picture without objects counts as one object, so that what is found
    in it is not free.

    Checked by: ``tests/tasks/test_place_loss.py``, against loops over places and objects.
    """

    classes: int
    levels: tuple[int, ...]
    focal: bool = False
    weights: Tensor | None = None
    """``(K,)`` of classes, for the objects that places learn."""

    @cached_property
    def _places(self) -> Tensor:
        return torch.from_numpy(place_grid(self.levels))

    def __call__(self, outputs: Tensor, targets: Tensor) -> LossSum:
        """Judge ``(B, P, K + 4)``, logits and boxes as shares of the sides, by ``(B, M, 6)`` targets."""
        outputs = outputs if outputs.dtype == torch.float64 else outputs.float()
        places = self._places.to(outputs)
        total, weight = outputs.new_zeros(()), 0
        for own, there in zip(outputs, targets.to(outputs), strict=True):
            objects, ignored = there[there[:, 5] == 1], there[there[:, 5] == 0]
            total = total + self._picture(own, places, objects, ignored)
            weight += max(1, len(objects))
        return LossSum(total, outputs.new_tensor(float(weight)))

    def _picture(self, own: Tensor, places: Tensor, objects: Tensor, ignored: Tensor) -> Tensor:
        logits, boxes = own[:, : self.classes], own[:, self.classes :]
        with torch.no_grad():
            learner, quality = assign(logits.sigmoid(), boxes, places, objects)
            learns = learner >= 0
            wanted = torch.zeros_like(logits)
            kinds = objects[learner[learns], 4].long()
            wanted[learns, kinds] = quality[learns]
            counts = learns | ~_inside(places, ignored[:, :4]).any(dim=1)
            by_class = torch.ones_like(quality)
            if self.weights is not None:
                by_class[learns] = self.weights.to(logits)[kinds]
        each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        if self.focal:
            each = each * (logits.sigmoid() - wanted).abs() ** FOCUS
        total: Tensor = (each.sum(dim=1) * by_class)[counts].sum()
        apart: Tensor = generalized_box_iou_loss(
            boxes[learns], objects[learner[learns], :4], reduction="none"
        )
        boxed: Tensor = (apart * quality[learns] * by_class[learns]).sum()
        return total + BOX_WEIGHT * boxed


def assign(scores: Tensor, boxes: Tensor, places: Tensor, objects: Tensor) -> tuple[Tensor, Tensor]:
    """Say for each place which object it learns, and how good its answer can be called.

    Args:
        scores: ``(P, K)`` in [0, 1].
        boxes: ``(P, 4)`` as found.
        places: ``(P, 3)``.
        objects: ``(n, 6)``.

    Returns:
        Number of the object, -1 for none, ``(P,)``; the class target in [0, 1], ``(P,)``.
    """
    learner = torch.full((len(places),), -1, dtype=torch.long, device=scores.device)
    if not len(objects):
        return learner, scores.new_zeros(len(places))
    shared = box_iou(boxes, objects[:, :4]).nan_to_num(0.0)
    aligned = scores[:, objects[:, 4].long()] ** ALPHA * shared**BETA
    able = _able(places, objects[:, :4])
    chosen = _best(torch.where(able, aligned, torch.full_like(aligned, -1.0)), MOST) & able
    most, rival = torch.where(chosen, shared, torch.full_like(shared, -1.0)).max(dim=1)
    learner = torch.where(most >= 0, rival, learner)
    own = chosen & (learner[:, None] == torch.arange(len(objects), device=scores.device))
    kept = torch.where(own, aligned, torch.zeros_like(aligned))
    reached = torch.where(own, shared, torch.zeros_like(shared)).amax(dim=0)
    quality = (kept / kept.amax(dim=0).clamp(min=1e-12) * reached).amax(dim=1)
    return learner, quality


def _able(places: Tensor, boxes: Tensor) -> Tensor:
    """Say which places lie inside which boxes, ``(P, n)``; a box without any has that nearest to it."""
    able = _inside(places, boxes)
    empty = ~able.any(dim=0)
    if empty.any():
        middles = (boxes[empty, :2] + boxes[empty, 2:]) / 2
        nearest = torch.cdist(places[:, :2], middles).argmin(dim=0)
        able[nearest, empty.nonzero().squeeze(1)] = True
    return able


def _inside(places: Tensor, boxes: Tensor) -> Tensor:
    """Say which middles of places lie inside which boxes, ``(P, n)``."""
    middles = places[:, None, :2]
    return ((middles > boxes[None, :, :2]) & (middles < boxes[None, :, 2:])).all(dim=2)


def _best(values: Tensor, most: int) -> Tensor:
    """Mark the largest values of each column, ``(P, n)``."""
    rows = values.topk(min(most, len(values)), dim=0).indices
    return torch.zeros_like(values, dtype=torch.bool).scatter_(
        0, rows, torch.ones_like(rows, dtype=torch.bool)
    )
