"""Losses of masks against sums written out pixel by pixel; ignored pixels, weights, Dice."""

import math

import numpy as np
import pytest
import torch

from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.tasks.image_segmentation import ImageSegmentation
from crosstune.tasks.mask_files import as_array, as_file
from crosstune.tasks.mask_loss import CROSS_ENTROPY, DICE, LOVASZ, PixelLoss

TASK = ImageSegmentation(("a", "b", "c"), side=4)
WEIGHTS = (1.0, 2.5, 0.5)


def made() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 3, 4, 4, generator=random, dtype=torch.float64)
    targets = torch.randint(0, 3, (3, 4, 4), generator=random)
    targets[0, 1:3] = IGNORED
    targets[1][targets[1] == 2] = 0  # one class less
    targets[2] = IGNORED
    return outputs, targets


def brute(outputs: torch.Tensor, targets: torch.Tensor, *, dice: bool) -> tuple[float, float]:
    total = weight = 0.0
    for picture, mask in zip(outputs.tolist(), targets.tolist(), strict=True):
        own, both, found, there = 0.0, [0.0] * 3, [0.0] * 3, [0.0] * 3
        for row in range(4):
            for column in range(4):
                kind = mask[row][column]
                if kind == IGNORED:
                    continue
                raised = [math.exp(picture[one][row][column]) for one in range(3)]
                shares = [one / sum(raised) for one in raised]
                total -= WEIGHTS[kind] * math.log(shares[kind])
                own += WEIGHTS[kind]
                for one in range(3):
                    found[one] += shares[one]
                both[kind] += shares[kind]
                there[kind] += 1
        kinds = [one for one in range(3) if there[one]]
        if dice and kinds:
            mean = sum(2 * both[one] / (found[one] + there[one]) for one in kinds) / len(kinds)
            total += own * (1 - mean)
        weight += own
    return total, weight


@pytest.mark.parametrize("dice", [False, True])
def test_the_loss_is_the_sum_over_pixels(dice: bool) -> None:
    outputs, targets = made()
    parts = (CROSS_ENTROPY, DICE) if dice else (CROSS_ENTROPY,)
    found = PixelLoss(weights=torch.tensor(WEIGHTS), parts=parts)(outputs, targets)
    total, weight = brute(outputs, targets, dice=dice)
    assert float(found.total) == pytest.approx(total)
    assert float(found.weight) == pytest.approx(weight)


def jaccard(own: set[int], wrong: set[int]) -> float:
    """Give one minus the IoU of a class whose pixels are ``own``, with some answered wrongly."""
    return 1.0 - len(own - wrong) / len(own | wrong)


def test_lovasz_is_the_extension_of_one_minus_iou() -> None:
    outputs, targets = made()
    total = 0.0
    for picture, mask in zip(
        outputs.softmax(dim=1).flatten(2).tolist(), targets.flatten(1).tolist(), strict=True
    ):
        counted = [place for place, kind in enumerate(mask) if kind != IGNORED]
        losses = []
        for kind in sorted({mask[place] for place in counted}):
            own = {place for place in counted if mask[place] == kind}
            errors = {p: 1 - picture[kind][p] if p in own else picture[kind][p] for p in counted}
            worst = sorted(counted, key=lambda p: -errors[p])
            steps = [
                jaccard(own, set(worst[: n + 1])) - jaccard(own, set(worst[:n])) for n in range(len(worst))
            ]
            losses.append(sum(errors[p] * step for p, step in zip(worst, steps, strict=True)))
        if losses:
            total += sum(WEIGHTS[mask[place]] for place in counted) * sum(losses) / len(losses)
    found = PixelLoss(weights=torch.tensor(WEIGHTS), parts=(LOVASZ,))(outputs, targets)
    assert float(found.total) == pytest.approx(total)


def test_lovasz_of_certain_answers_is_one_minus_iou() -> None:
    mask, answer = torch.tensor([[[0, 0], [1, 1]]]), torch.tensor([[[0, 1], [1, 1]]])
    outputs = torch.nn.functional.one_hot(answer, 2).movedim(-1, 1) * 100.0
    found = PixelLoss(weights=torch.ones(2), parts=(LOVASZ,))(outputs, mask)
    assert float(found.total) == pytest.approx(4 * (1 / 2 + 1 / 3) / 2)


@pytest.mark.parametrize("name", TASK.losses)
def test_parts_of_a_batch_add_up_and_smaller_outputs_are_enlarged(name: str) -> None:
    outputs, targets = made()
    loss = PixelLoss(weights=torch.tensor(WEIGHTS), parts=tuple(name.split("+")))
    small = outputs[..., ::2, ::2].clone().requires_grad_()
    whole = loss(small, targets)
    parts = [loss(small[one : one + 1], targets[one : one + 1]) for one in range(3)]
    torch.testing.assert_close(whole.total, sum(part.total for part in parts))
    torch.testing.assert_close(whole.weight, sum(part.weight for part in parts))
    whole.total.backward()
    assert small.grad is not None
    assert float(small.grad[2].abs().sum()) == 0.0  # nothing of the third picture counts
    assert float(small.grad[:2].abs().sum()) > 0.0
    big = torch.nn.functional.interpolate(small, size=(4, 4), mode="bilinear", align_corners=False)
    torch.testing.assert_close(loss(big, targets).total, whole.total)


def test_auto_weighs_classes_by_their_pixels() -> None:
    masks = [np.array([[0, 0, 0], [0, 1, 255]], np.uint8), np.array([[0, 2, 2], [0, 2, 0]], np.uint8)]
    encoded = as_array([as_file(one) for one in masks])
    loss = TASK.make_loss(Settings(class_weights="auto"), encoded)
    assert isinstance(loss, PixelLoss)
    assert loss.weights.tolist() == pytest.approx([11 / (3 * 7), 11 / 3, 11 / 9])
