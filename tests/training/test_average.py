"""Averages of weights against the definition written out."""

import pytest
import torch

from crosstune.training.average import Ingredient, MovingAverage, greedy_soup


def test_the_moving_average_follows_its_recursion() -> None:
    weight, counter = torch.zeros(3), torch.tensor(0)
    average = MovingAverage({"w": weight, "n": counter}, decay=0.5)
    expected = torch.zeros(3)
    for step in range(20):
        weight += torch.tensor([1.0, -2.0, float(step)])
        counter += 1
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    torch.testing.assert_close(average.average["w"], expected)
    own = weight.clone()
    with average.applied():
        torch.testing.assert_close(weight, expected)
        assert counter == 20
    assert torch.equal(weight, own)


def test_the_own_weights_come_back_after_an_error() -> None:
    weight = torch.ones(2)
    average = MovingAverage({"w": weight}, decay=0.9)
    weight.zero_()
    with pytest.raises(RuntimeError, match="inside"), average.applied():
        raise RuntimeError("inside")
    assert torch.equal(weight, torch.zeros(2))


def test_the_soup_keeps_what_does_not_hurt() -> None:
    target = torch.tensor([1.0, 1.0])
    points = {0: [0.0, 1.0], 1: [2.0, 1.0], 2: [1.0, 9.0], 3: [1.0, 1.5]}
    weights = {step: {"w": torch.tensor(point)} for step, point in points.items()}

    def score(candidate: dict[str, torch.Tensor]) -> float:
        return -float((candidate["w"] - target).norm())

    soup = greedy_soup(
        [Ingredient(step, score(one), lambda one=one: one) for step, one in weights.items()], score
    )
    kept = [3]  # the best one; the others in the order of their scores, brute force
    for step in (0, 1, 2):
        trial = torch.stack([weights[one]["w"] for one in [*kept, step]]).mean(0)
        now = torch.stack([weights[one]["w"] for one in kept]).mean(0)
        if score({"w": trial}) >= score({"w": now}):
            kept.append(step)
    assert soup.steps == tuple(kept)
    assert soup.steps[0] == 3
    assert 2 not in soup.steps
    torch.testing.assert_close(soup.weights["w"], torch.stack([weights[one]["w"] for one in kept]).mean(0))
    assert soup.score == pytest.approx(score(soup.weights))
