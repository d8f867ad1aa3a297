"""Boxes of models that ask queries (the DETR family), chosen as transformers chooses them.

Shapes: B pictures, L layers, Q queries, K classes.
"""

import numpy as np
from torch import Tensor

from crosstune.tasks.box_rows import BoxRows
from crosstune.tasks.set_loss import cornered, parted

MOST = 100
"""Boxes of a picture at most, as COCO counts them."""
LEAST = 0.001
"""Score from which on a box is given: what lies below moves no figure."""


def found_by_queries(outputs: Tensor, sizes: Tensor, classes: int) -> list[BoxRows]:
    """Give the boxes of the last layer, the surest first.

    Softmax models answer with the best class of each query; sigmoid models with the best of all queries and
    classes, so that a query may answer twice. Boxes are not clipped to the picture: transformers does not.

    Args:
        outputs: ``(B, L, Q, K + 5)`` (softmax) or ``(B, L, Q, K + 4)`` (sigmoid), on the CPU.
        sizes: ``(B, 2)``, height and width in pixels.
        classes: K.

    Checked by: ``tests/sources/test_detecting.py``, against ``transformers.pipeline``.
    """
    last = parted(outputs[:, -1])
    boxes = cornered(last.boxes)
    if last.logits.shape[-1] == classes + 1:
        scores, labels = last.logits.softmax(dim=-1)[..., :-1].max(dim=-1)
    else:
        every = last.logits.sigmoid().flatten(1)
        scores, labels = every, (_numbers(every) % classes)
        boxes = boxes.repeat_interleave(classes, dim=1)
    scaled = boxes * sizes.flip(1).repeat(1, 2)[:, None]
    return [_chosen(*one) for one in zip(scores, labels, scaled, sizes, strict=True)]


def _numbers(like: Tensor) -> Tensor:
    return like.new_ones(like.shape).long().cumsum(dim=1) - 1


def _chosen(scores: Tensor, labels: Tensor, boxes: Tensor, size: Tensor) -> BoxRows:
    """Keep the best boxes of one picture; of equal scores the first query comes first."""
    order = scores.argsort(descending=True, stable=True)[:MOST]
    order = order[scores[order] >= LEAST]
    height, width = size.tolist()
    return BoxRows(
        size=(width, height),
        boxes=boxes[order].double().numpy(),
        classes=labels[order].numpy().astype(np.int64),
        values=scores[order].double().numpy(),
    )
