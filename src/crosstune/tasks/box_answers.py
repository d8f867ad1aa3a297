"""From what a detector gives at every place to the boxes that it answers.

Shapes: B pictures, P places, K classes.
"""

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from crosstune.tasks.box_rows import BoxRows

LEAST = 0.01
"""ASSUMED: score below which nothing is answered: what is less sure moves the average precision by little."""

CANDIDATES, MOST = 1_000, 100
"""Of a picture, before and after what overlaps is left out; COCO counts 100."""

OVERLAP = 0.6
"""IoU from which on the less sure of two boxes of one class is left out. Source: FCOS (torchvision)."""


def found_by_places(outputs: Tensor, sizes: Tensor, classes: int) -> list[BoxRows]:
    """Choose boxes: the surest, without those that overlap a surer one of the same class.

    Args:
        outputs: ``(B, P, K + 4)``: logits, and left, top, right, bottom as shares of the sides.
        sizes: ``(B, 2)``, height and width of each picture.
        classes: K.

    Returns:
        Boxes in pixels, clipped to the picture, the highest score first.
    """
    found = []
    for own, (height, width) in zip(outputs, sizes.tolist(), strict=True):
        scores = own[:, :classes].sigmoid().flatten()
        best = scores.topk(min(CANDIDATES, len(scores)))
        sure = best.values >= LEAST
        values, places = best.values[sure], best.indices[sure]
        kinds = places % classes
        scale = torch.tensor([width, height, width, height], dtype=own.dtype)
        boxes = own[places // classes, classes:].clamp(0, 1) * scale
        kept = batched_nms(boxes, values, kinds, OVERLAP)[:MOST]
        found.append(
            BoxRows(
                size=(float(width), float(height)),
                boxes=boxes[kept].double().numpy(),
                classes=kinds[kept].numpy(),
                values=values[kept].double().numpy(),
            )
        )
    return found
