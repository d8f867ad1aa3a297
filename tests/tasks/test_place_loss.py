"""The loss of places against loops over places and objects."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from crosstune.core.place_grid import place_grid
from crosstune.tasks.place_loss import BETA, BOX_WEIGHT, FOCUS, MOST, PlaceLoss, assign

LEVELS, CLASSES = (4, 2), 3


def area(box: list[float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def iou(one: list[float], other: list[float]) -> tuple[float, float]:
    """Give IoU, and GIoU."""
    inner = [max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])]
    outer = [min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])]
    union = area(one) + area(other) - area(inner)
    shared = area(inner) / union if union else 0.0
    return shared, shared - (area(outer) - union) / area(outer)


def inside(middle: Sequence[float], box: Sequence[float]) -> bool:
    return box[0] < middle[0] < box[2] and box[1] < middle[1] < box[3]


def made(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Make outputs for three pictures, and targets: two objects and an ignored one, none, one."""
    random = torch.Generator().manual_seed(seed)
    places = torch.from_numpy(place_grid(LEVELS)).double()
    outputs = torch.randn(3, len(places), CLASSES + 4, generator=random, dtype=torch.float64)
    far = torch.rand(3, len(places), 4, generator=random, dtype=torch.float64) * 0.4 + 0.05
    outputs[..., CLASSES:] = torch.cat([places[:, :2] - far[..., :2], places[:, :2] + far[..., 2:]], dim=-1)
    targets = torch.zeros(3, 3, 6)
    targets[..., 5] = -1
    targets[0, 0] = torch.tensor([0.1, 0.1, 0.7, 0.6, 1, 1])
    targets[0, 1] = torch.tensor([0.3, 0.2, 0.9, 0.95, 2, 1])
    targets[0, 2] = torch.tensor([0.0, 0.6, 0.3, 1.0, 0, 0])
    targets[2, 0] = torch.tensor([0.41, 0.41, 0.45, 0.45, 0, 1])  # no place is inside
    return outputs, targets


def brute(outputs: Tensor, targets: Tensor, *, focal: bool) -> tuple[float, float]:
    grid = place_grid(LEVELS).tolist()
    total = weight = 0.0
    for own, there in zip(outputs.tolist(), targets.double().tolist(), strict=True):
        objects = [row for row in there if row[5] == 1]
        ignored = [row for row in there if row[5] == 0]
        weight += max(1, len(objects))
        scores = [[1 / (1 + math.exp(-one)) for one in row[:CLASSES]] for row in own]
        boxes = [row[CLASSES:] for row in own]
        learners: dict[int, list[int]] = {}
        aligned: dict[tuple[int, int], float] = {}
        for number, thing in enumerate(objects):
            able = [
                p for p, (x, y, _) in enumerate(grid) if thing[0] < x < thing[2] and thing[1] < y < thing[3]
            ]
            if not able:
                middle = ((thing[0] + thing[2]) / 2, (thing[1] + thing[3]) / 2)
                able = [min(range(len(grid)), key=lambda p: math.dist(grid[p][:2], middle))]
            for p in able:
                aligned[p, number] = scores[p][int(thing[4])] * iou(boxes[p], thing)[0] ** BETA
            for p in sorted(able, key=lambda p: -aligned[p, number])[:MOST]:
                learners.setdefault(p, []).append(number)
        owner = {p: max(rivals, key=lambda n: iou(boxes[p], objects[n])[0]) for p, rivals in learners.items()}
        for p, (x, y, _) in enumerate(grid):
            wanted = [0.0] * CLASSES
            if p in owner:
                number = owner[p]
                own_places = [q for q, n in owner.items() if n == number]
                best = max(aligned[q, number] for q in own_places)
                reached = max(iou(boxes[q], objects[number])[0] for q in own_places)
                quality = aligned[p, number] / max(best, 1e-12) * reached
                wanted[int(objects[number][4])] = quality
                total += BOX_WEIGHT * quality * (1 - iou(boxes[p], objects[number])[1])
            elif any(inside((x, y), one) for one in ignored):
                continue
            for score, goal in zip(scores[p], wanted, strict=True):
                value = -goal * math.log(score) - (1 - goal) * math.log(1 - score)
                total += value * (abs(score - goal) ** FOCUS if focal else 1.0)
    return total, weight


@pytest.mark.parametrize("focal", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_the_sum_written_out(focal: bool, seed: int) -> None:
    outputs, targets = made(seed)
    total, weight = brute(outputs, targets, focal=focal)
    found = PlaceLoss(classes=CLASSES, levels=LEVELS, focal=focal)(outputs, targets)
    assert float(found.total) == pytest.approx(total, rel=1e-6)
    assert float(found.weight) == weight == 4


def test_sums_of_pictures_add_up() -> None:
    outputs, targets = made()
    loss = PlaceLoss(classes=CLASSES, levels=LEVELS)
    whole = loss(outputs, targets)
    parts = [loss(outputs[row : row + 1], targets[row : row + 1]) for row in range(3)]
    assert float(whole.total) == pytest.approx(sum(float(part.total) for part in parts), rel=1e-12)
    assert float(whole.weight) == sum(float(part.weight) for part in parts)


def test_weights_of_classes_weigh_what_is_learnt() -> None:
    outputs, targets = made()
    plain = PlaceLoss(classes=CLASSES, levels=LEVELS)(outputs, targets)
    same = PlaceLoss(classes=CLASSES, levels=LEVELS, weights=torch.ones(CLASSES))(outputs, targets)
    more = PlaceLoss(classes=CLASSES, levels=LEVELS, weights=torch.tensor([1.0, 3.0, 1.0]))(outputs, targets)
    assert float(plain.total) == float(same.total)
    assert float(more.total) > float(plain.total)


def test_gradients_reach_classes_and_boxes() -> None:
    outputs, targets = made()
    outputs.requires_grad_()
    PlaceLoss(classes=CLASSES, levels=LEVELS)(outputs, targets).total.backward()
    assert outputs.grad is not None
    assert bool((outputs.grad[1, :, :CLASSES] > 0).all())  # nothing is there
    assert not outputs.grad[1, :, CLASSES:].any()
    assert outputs.grad[0, :, CLASSES:].any()


def test_a_place_that_answers_right_learns_its_object() -> None:
    places = torch.from_numpy(place_grid(LEVELS)).double()
    thing = torch.tensor([[0.0, 0.0, 0.5, 0.5, 1, 1]], dtype=torch.float64)
    boxes = torch.cat([places[:, :2] - 0.01, places[:, :2] + 0.01], dim=1)
    boxes[5] = thing[0, :4]
    scores = torch.full((len(places), CLASSES), 0.01, dtype=torch.float64)
    scores[5, 1] = 0.9
    learner, quality = assign(scores, boxes, places, thing)
    assert int(quality.argmax()) == 5
    assert float(quality[5]) == pytest.approx(1.0)
    assert float(quality.sum()) == pytest.approx(1.0, abs=1e-6)
    assert set(learner.tolist()) == {-1, 0}


def test_places_stand_in_the_middle_of_their_cells() -> None:
    grid = place_grid((2, 1))
    assert np.allclose(grid, [[0.25, 0.25, 0.5], [0.75, 0.25, 0.5], [0.25, 0.75, 0.5], [0.75, 0.75, 0.5],
                              [0.5, 0.5, 1.0]])  # fmt: skip
