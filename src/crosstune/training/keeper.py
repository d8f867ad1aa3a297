"""Keeps the best weights of a run, and the checkpoints that a soup is made of."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from crosstune.core.files import replacing
from crosstune.training.average import Ingredient
from crosstune.training.snapshot import Weights, link, read, write

BEST = "best.safetensors"
SOUP_MOST = 5
"""Checkpoints kept on disk for a soup."""


class Keeper:
    """Remembers the best weights by the primary metric; a NaN is worse than any number."""

    def __init__(self, work: Path, *, higher_is_better: bool, soup: bool, writes: bool = True) -> None:
        """Write under ``work``; only one process of several should (``writes``)."""
        self._work, self._sign, self._soup, self._writes = work, 1 if higher_is_better else -1, soup, writes
        self.score = -math.inf
        self.step = -1
        self.weights: Weights | None = None
        self.ingredients: list[Ingredient] = []

    def comparable(self, figure: float) -> float:
        """Turn a figure of the metric into a score of which larger is better."""
        return -math.inf if math.isnan(figure) else self._sign * figure

    def figure(self, score: float) -> float:
        """Turn a score back into a figure of the metric; NaN where there was none."""
        return math.nan if math.isinf(score) else self._sign * score

    def offer(self, step: int, figure: float, take: Callable[[], Weights]) -> bool:
        """Take the weights if they are the best so far, and for the soup if they may go in.

        Returns:
            Whether they are strictly better than all before.
        """
        score = self.comparable(figure)
        better = score > self.score or self.weights is None
        kept = self._soup and self._would_keep(score)
        if not better and not kept:
            return False
        weights = take()
        if better:
            self.score, self.step, self.weights = score, step, weights
            self._write(BEST, weights)
        if kept:
            self._keep(step, score, weights)
        return better

    def files(self) -> dict[str, Path]:
        """Name the files on disk that a checkpoint must hold too, and say where they are."""
        best = {BEST: self._work / BEST} if self.weights is not None else {}
        return best | {self._path(one.step).name: self._path(one.step) for one in self.ingredients}

    def restore(
        self, folder: Path, *, score: float, step: int, best: bool, ingredients: Sequence[tuple[int, float]]
    ) -> None:
        """Become what it was when ``folder``, a checkpoint, was written."""
        self.score, self.step = score, step
        self.weights = read(folder / BEST) if best else None
        self.ingredients = []
        names = [BEST] if best else []
        for taken, figure in ingredients:
            names.append(self._path(taken).name)
            path = self._path(taken)
            weights = None if self._writes else read(folder / path.name)
            load = (lambda path=path: read(path)) if weights is None else (lambda held=weights: held)
            self.ingredients.append(Ingredient(taken, figure, load))
        if self._writes:
            for name in names:
                with replacing(self._work / name) as temporary:
                    link(folder / name, temporary)

    def _would_keep(self, score: float) -> bool:
        return len(self.ingredients) < SOUP_MOST or score > min(one.score for one in self.ingredients)

    def _keep(self, step: int, score: float, weights: Weights) -> None:
        if len(self.ingredients) == SOUP_MOST:
            worst = min(self.ingredients, key=lambda one: (one.score, -one.step))
            self.ingredients.remove(worst)
            if self._writes:
                self._path(worst.step).unlink()
        self._write(self._path(step).name, weights)
        path = self._path(step)
        load = (lambda: read(path)) if self._writes else (lambda: weights)
        self.ingredients.append(Ingredient(step, score, load))

    def _path(self, step: int) -> Path:
        return self._work / f"soup-{step}.safetensors"

    def _write(self, name: str, weights: Weights) -> None:
        if self._writes:
            write(self._work / name, weights)
