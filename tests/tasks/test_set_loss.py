"""The set loss: matches against all permutations, sums written out, and transformers' own losses."""

import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from crosstune.tasks.set_loss import Answers, SetLoss, cornered, overlap, parted

K, LAYERS, QUERIES = 3, 2, 5
FILLER = [0.0, 0.0, 0.0, 0.0, 0.0, -1.0]
OBJECTS = [
    [[0.1, 0.2, 0.4, 0.9, 2.0, 1.0], [0.5, 0.1, 0.9, 0.3, 0.0, 1.0], [0.2, 0.2, 0.6, 0.5, 1.0, 1.0]],
    [],
    [[0.3, 0.3, 0.35, 0.8, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5, 1.0, 0.0]],
]


def outputs(kind: str, pictures: int = 3, seed: int = 0, queries: int = QUERIES) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    wide = K + (kind == "softmax")
    logits = 2 * torch.randn(pictures, LAYERS, queries, wide, generator=random, dtype=torch.float64)
    boxes = 0.1 + 0.5 * torch.rand(pictures, LAYERS, queries, 4, generator=random, dtype=torch.float64)
    return torch.cat([logits, boxes], dim=-1)


def collated(objects: list[Any]) -> Tensor:
    most = max(1, *map(len, objects))
    rows = [[*one, *([FILLER] * (most - len(one)))] for one in objects]
    return torch.tensor(rows, dtype=torch.float64)


def iou_by_hand(one: list[float], other: list[float]) -> tuple[float, float]:
    """IoU and GIoU of two boxes by their corners."""

    def area(box: list[float]) -> float:
        return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)

    pairs = list(zip(one, other, strict=True))
    shared = area([max(pairs[0]), max(pairs[1]), min(pairs[2]), min(pairs[3])])
    hull = area([min(pairs[0]), min(pairs[1]), max(pairs[2]), max(pairs[3])])
    union = area(one) + area(other) - shared
    return shared / union, shared / union - (hull - union) / hull


def corners(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def distance(box: list[float], row: list[float]) -> float:
    left, top, right, bottom = row[:4]
    centred = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    return sum(abs(a - b) for a, b in zip(box, centred, strict=True))


def cost_by_hand(kind: str, logits: list[float], box: list[float], row: list[float]) -> float:
    place = int(row[4])
    if kind == "softmax":
        scale = sum(math.exp(one) for one in logits)
        classes = -math.exp(logits[place]) / scale
    else:
        p = 1 / (1 + math.exp(-logits[place]))
        classes = 2 * (0.25 * (1 - p) ** 2 * -math.log(p + 1e-8) - 0.75 * p**2 * -math.log(1 - p + 1e-8))
    return classes + 5 * distance(box, row) - 2 * iou_by_hand(corners(box), row[:4])[1]


def layer_by_hand(kind: str, found: Answers, objects: list[list[float]]) -> float:
    """The loss of one picture and layer: the best of all permutations, and every term written out."""
    logits, boxes = found.logits.tolist(), found.boxes.tolist()
    learnt = [row for row in objects if row[5] == 1]
    ignored = [row for row in objects if row[5] == 0]

    def price(chosen: tuple[int, ...]) -> float:
        return sum(
            cost_by_hand(kind, logits[q], boxes[q], row) for q, row in zip(chosen, learnt, strict=True)
        )

    best = min(itertools.permutations(range(len(boxes)), len(learnt)), key=price)
    total = 0.0
    for q, row in zip(best, learnt, strict=True):
        total += 5 * distance(boxes[q], row) + 2 * (1 - iou_by_hand(corners(boxes[q]), row[:4])[1])
    matched = dict(zip(best, learnt, strict=True))
    weighed, weights, varifocal = 0.0, 0.0, 0.0
    for q, box in enumerate(boxes):
        row = matched.get(q)
        inside = [_share(corners(box), other[:4]) > 0.5 for other in ignored]
        if row is None and any(inside):
            continue
        if kind == "softmax":
            right, weight = (int(row[4]), 1.0) if row else (K, 0.1)
            weighed += weight * (math.log(sum(math.exp(one) for one in logits[q])) - logits[q][right])
            weights += weight
            continue
        for k in range(K):
            p = 1 / (1 + math.exp(-logits[q][k]))
            if row and int(row[4]) == k:
                aim = iou_by_hand(corners(box), row[:4])[0]
                varifocal += aim * -(aim * math.log(p) + (1 - aim) * math.log(1 - p))
            else:
                varifocal += 0.75 * p**2 * -math.log(1 - p)
    if kind == "softmax" and weights:
        total += max(len(learnt), 1) * weighed / weights
    return total + varifocal


def _share(box: list[float], other: list[float]) -> float:
    wide = max(min(box[2], other[2]) - max(box[0], other[0]), 0.0)
    high = max(min(box[3], other[3]) - max(box[1], other[1]), 0.0)
    return wide * high / ((box[2] - box[0]) * (box[3] - box[1]))


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_least_of_all_permutations_written_out(kind: str, seed: int) -> None:
    given = outputs(kind, seed=seed)
    found = SetLoss(classes=K)(given, collated(OBJECTS))
    expected = sum(
        layer_by_hand(kind, parted(given[picture, layer]), OBJECTS[picture])
        for picture in range(3)
        for layer in range(LAYERS)
    )
    assert float(found.total) == pytest.approx(expected, rel=1e-9)
    assert float(found.weight) == 3 + 1 + 1


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_the_sum_of_parts_is_the_whole_and_gradients_too(kind: str) -> None:
    loss, given = SetLoss(classes=K), outputs(kind).requires_grad_()
    whole = loss(given, collated(OBJECTS))
    (one,) = torch.autograd.grad(whole.total, given)
    parts = [loss(given[i : i + 1], collated(OBJECTS[i : i + 1])) for i in range(3)]
    (other,) = torch.autograd.grad(sum(part.total for part in parts), given)
    torch.testing.assert_close(one, other)
    assert one.abs().sum(dim=(1, 2, 3)).min() > 0
    assert float(sum(part.weight for part in parts)) == float(whole.weight)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_queries_in_ignored_boxes_are_taught_nothing(kind: str) -> None:
    given = outputs(kind, pictures=1).requires_grad_()
    everything = collated([[[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]])
    total, weight = SetLoss(classes=K)(given, everything)
    total.backward()
    assert (total.item(), weight.item()) == (0.0, 1.0)
    assert given.grad is not None
    assert not given.grad.any()


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_more_objects_than_queries_are_matched_as_far_as_they_go(kind: str) -> None:
    total, weight = SetLoss(classes=K)(outputs(kind, 1, queries=2), collated(OBJECTS[:1]))
    assert torch.isfinite(total)
    assert float(weight) == 3


def test_a_loss_that_is_not_finite_is_seen() -> None:
    given = outputs("softmax", 1)
    given[0, 0, 0] = float("nan")
    assert torch.isnan(SetLoss(classes=K)(given, collated(OBJECTS[:1])).total)


def test_overlap_of_boxes() -> None:
    draw = np.random.default_rng(0)
    one, other = (cornered(torch.from_numpy(draw.uniform(0.1, 0.8, (50, 4)))) for _ in range(2))
    found = overlap(one[:, None], other[None])
    for i in range(50):
        for j in range(50):
            pair = (float(found.iou[i, j]), float(found.giou[i, j]))
            assert pair == pytest.approx(iou_by_hand(one[i].tolist(), other[j].tolist()), abs=1e-9)


def labels_of(objects: list[list[float]]) -> list[dict[str, Tensor]]:
    rows = torch.tensor(objects, dtype=torch.float64)
    middle, sides = (rows[:, :2] + rows[:, 2:4]) / 2, rows[:, 2:4] - rows[:, :2]
    return [{"class_labels": rows[:, 4].long(), "boxes": torch.cat([middle, sides], dim=1)}]


def test_one_picture_costs_what_detr_of_transformers_makes_it() -> None:
    from transformers.loss.loss_for_object_detection import ForObjectDetectionLoss

    config = SimpleNamespace(
        class_cost=1, bbox_cost=5, giou_cost=2, num_labels=K, eos_coefficient=0.1, auxiliary_loss=True,
        decoder_layers=LAYERS, bbox_loss_coefficient=5, giou_loss_coefficient=2,
    )  # fmt: skip
    given = outputs("softmax", 1)
    logits, boxes = parted(given[0].unsqueeze(1))  # (L, 1, Q, ...)
    config.class_weight = None
    torch.set_default_dtype(torch.float64)
    try:
        theirs, _, _ = ForObjectDetectionLoss(
            logits[-1], labels_of(OBJECTS[0]), "cpu", boxes[-1], config, logits, boxes
        )
    finally:
        torch.set_default_dtype(torch.float32)
    ours = SetLoss(classes=K)(given, collated(OBJECTS[:1]))
    assert float(ours.total / ours.weight) == pytest.approx(float(theirs), rel=1e-9)


def test_pictures_cost_what_rt_detr_of_transformers_makes_them() -> None:
    from transformers import RTDetrConfig
    from transformers.loss.loss_rt_detr import RTDetrForObjectDetectionLoss

    config = RTDetrConfig(num_labels=K)
    both, objects = outputs("sigmoid", 2), [OBJECTS[0], OBJECTS[2][:1]]
    layers = torch.cat([both[:, :1], both], dim=1)  # the first stands for the choice of the encoder
    logits, boxes = parted(both)
    first = (logits[:, 0], boxes[:, 0])
    labels = [labels_of(one)[0] for one in objects]
    theirs, _, _ = RTDetrForObjectDetectionLoss(
        logits[:, -1], labels, "cpu", boxes[:, -1], config, logits, boxes, *first
    )
    ours = SetLoss(classes=K)(layers, collated(objects))
    assert float(ours.total / ours.weight) == pytest.approx(float(theirs), rel=1e-6)
