"""Averages of weights over a run: a moving average, and a greedy soup of checkpoints."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from crosstune.training.snapshot import Weights, mean, restore


class MovingAverage:
    """Exponential moving average of the moving weights and BatchNorm statistics.

    After update t (from 0): ``average += (1 - d) * (weights - average)`` with
    ``d = min(decay, (1 + t) / (10 + t))``, so that the start is soon forgotten (as in TensorFlow's
    ExponentialMovingAverage). Held on the device, in the precision of the weights.

    Checked by: ``tests/training/test_average.py``, against the recursion written out.
    """

    def __init__(self, live: Mapping[str, Tensor], decay: float) -> None:
        """Start at the present weights."""
        self.decay, self.updates = decay, 0
        self._live = dict(live)
        self.average = {name: tensor.detach().clone() for name, tensor in live.items()}

    def update(self) -> None:
        """Take the weights after one more update into the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        with torch.no_grad():
            for name, tensor in self._live.items():
                if tensor.is_floating_point():
                    self.average[name].lerp_(tensor, 1.0 - decay)
                else:
                    self.average[name].copy_(tensor)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model hold the average for a while; its own weights come back bit for bit."""
        own = {name: tensor.detach().clone() for name, tensor in self._live.items()}
        restore(self._live, self.average)
        try:
            yield
        finally:
            restore(self._live, own)


@dataclass(frozen=True)
class Ingredient:
    """A checkpoint that may go into a soup."""

    step: int
    score: float
    """On validation; larger is better."""
    load: Callable[[], Weights]


@dataclass(frozen=True)
class Soup:
    """What a greedy soup ended with."""

    steps: tuple[int, ...]
    score: float
    weights: Weights


def greedy_soup(ingredients: Sequence[Ingredient], score: Callable[[Weights], float]) -> Soup:
    """Average checkpoints, best first, keeping each one with which the score does not drop.

    Args:
        ingredients: at least one.
        score: of averaged weights on validation; larger is better. Called once for each ingredient but
            the best.

    Source: Wortsman 2022, Recipe 1.
    Checked by: ``tests/training/test_average.py``.
    """
    first, *rest = sorted(ingredients, key=lambda one: (-one.score, one.step))
    steps, parts, best = [first.step], [first.load()], first.score
    for candidate in rest:
        weights = candidate.load()
        found = score(mean([*parts, weights]))
        if found >= best:
            steps.append(candidate.step)
            parts.append(weights)
            best = found
    return Soup(tuple(steps), best, mean(parts))
