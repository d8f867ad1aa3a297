"""A greedy soup of several runs that started from the same weights."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.average import Ingredient, greedy_soup
from crosstune.training.judge import Judge, judging, put, whole
from crosstune.training.snapshot import Weights, read


@dataclass(frozen=True, kw_only=True)
class RunsSoup:
    """What came of it; the model holds these weights."""

    kept: tuple[int, ...]
    """Positions of the runs in the soup, the best first; one alone is that run, unchanged."""
    score: float
    """The primary metric on validation, turned so that larger is better."""
    scores: tuple[float, ...]
    """Of every run alone, in their order; minus infinity for one that was not judged in time."""
    outputs: NDArray[np.float32]
    """``(M, K)`` of the soup on validation."""
    seconds: float


def soup_of_runs(
    backbone: Backbone,
    task: Task,
    train_items: Items,
    validation_items: Items,
    settings: Settings,
    *,
    start: Weights,
    files: Sequence[Path],
    budget: Budget,
    reporter: Reporter,
) -> RunsSoup:
    """Average the best weights of several runs, best first, keeping those that do not lower the score.

    Args:
        backbone: any weights; it holds the soup afterwards. No adapters.
        task: fitted on the training targets.
        train_items: for the BatchNorm statistics of averages.
        validation_items: with targets.
        settings: of the training; of several runs the one that moves the most.
        start: the weights that all runs started from (:func:`starting_weights`). What a file does not
            name did not move in its run, and is taken from here.
        files: ``best.safetensors`` of each run.
        budget: runs are judged and mixed in while there is time; the first is always judged.
        reporter: told what the soup holds.

    Raises:
        ValueError: there is no file, or one does not belong to this model (adapters do not).

    Cost: up to two evaluations a run; the weights of each ingredient in memory.
    Source: Wortsman et al. (2022), Model soups, arXiv:2203.05482, recipe 1.
    Checked by: ``tests/training/test_soups.py``.
    """
    if not files:
        raise ValueError("a soup needs at least one run")
    began = time.monotonic()
    with judging(
        backbone, task, train_items, validation_items, settings, budget=budget, reporter=reporter
    ) as judge:
        kitchen = _Kitchen(judge, start, budget)
        scores = kitchen.taste(files)
        ingredients = [
            Ingredient(position, score, partial(kitchen.load, path))
            for position, (path, score) in enumerate(zip(files, scores, strict=True))
            if not np.isneginf(score) or position == 0
        ]
        soup = greedy_soup(ingredients, kitchen.score)
        outputs = judge.outputs(soup.weights, averaged=len(soup.steps) > 1)
        chosen = whole(backbone)
    put(backbone, chosen)
    reporter.say(f"the soup holds {len(soup.steps)} of {len(files)} runs")
    return RunsSoup(
        kept=soup.steps, score=judge.score(outputs), scores=tuple(scores), outputs=outputs,
        seconds=time.monotonic() - began,
    )  # fmt: skip


class _Kitchen:
    """Loads and judges, while there is time."""

    def __init__(self, judge: Judge, start: Weights, budget: Budget) -> None:
        self._judge, self._start, self._budget, self._slowest = judge, start, budget, 0.0

    def load(self, path: Path) -> Weights:
        """Read the weights of a run, completed by what did not move."""
        return {**self._start, **read(path)}

    def taste(self, files: Sequence[Path]) -> list[float]:
        """Judge every run alone."""
        return [
            self._timed(self.load(path), averaged=False) if position == 0 or self._fits() else -np.inf
            for position, path in enumerate(files)
        ]

    def score(self, weights: Weights) -> float:
        """Judge an average; without time left it is as bad as can be, so that it is not taken."""
        return self._timed(weights, averaged=True) if self._fits() else -np.inf

    def _fits(self) -> bool:
        return not self._judge.session.agreed(self._budget.left() < self._slowest)

    def _timed(self, weights: Weights, *, averaged: bool) -> float:
        began = time.monotonic()
        score = self._judge.score(self._judge.outputs(weights, averaged=averaged))
        self._slowest = max(self._slowest, time.monotonic() - began)
        return score
