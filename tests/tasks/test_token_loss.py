"""The loss over pieces against a sum that is written out."""

import math

import torch

from crosstune.core.targets import IGNORED
from crosstune.tasks.token_loss import token_loss


def test_it_is_the_sum_over_all_pieces_of_their_log_probabilities_over_their_number() -> None:
    logits = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[IGNORED, 1, 4, 0], [IGNORED, 2, 0, IGNORED], [IGNORED, 0, IGNORED, IGNORED]])
    total, weight = 0.0, 0
    for row, wanted in zip(logits.double().tolist(), targets.tolist(), strict=True):
        for scores, piece in zip(row, wanted, strict=True):
            if piece != IGNORED:
                total -= scores[piece] - math.log(sum(math.exp(one) for one in scores))
                weight += 1
    found = token_loss(logits, targets)
    assert float(found.weight) == weight == 6
    assert math.isclose(float(found.total), total, rel_tol=1e-5)


def test_places_without_a_target_take_no_gradient() -> None:
    logits = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    token_loss(logits, torch.tensor([[IGNORED, 2, IGNORED]])).total.backward()
    assert logits.grad is not None
    assert logits.grad[0, [0, 2]].abs().max() == 0.0
    assert logits.grad[0, 1].abs().max() > 0.0


def test_nothing_to_learn_weighs_nothing() -> None:
    found = token_loss(torch.zeros(2, 2, 3), torch.full((2, 2), IGNORED))
    assert (float(found.total), float(found.weight)) == (0.0, 0.0)
