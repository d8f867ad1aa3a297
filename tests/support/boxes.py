"""Boxes that were drawn, and as much of a task that finds them as figures ask for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks.base import MetricSpec
from crosstune.tasks.box_metrics import Judge, box_metrics
from crosstune.tasks.box_rows import BoxRows, from_array

SIZE = (300.0, 200.0)


class Boxes:
    """As much of a task as figures ask for."""

    name = "object-detection"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.judge = Judge(len(self.classes))

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Give the figures of boxes."""
        return box_metrics(self.classes, self.judge)

    def boxes(self, answers: NDArray[Any], least: float | None = None) -> list[BoxRows]:
        """Give the boxes that are sure enough."""
        least = 0.3 if least is None else least
        return [one.only(one.values >= least) for one in from_array(answers)]

    def truths(self, encoded: NDArray[Any]) -> list[list[str]]:
        """Name the classes."""
        return [[self.classes[kind] for kind in one.classes] for one in self.boxes(encoded)]


def rows(boxes: list[list[float]], classes: list[int], values: list[float]) -> BoxRows:
    """Give the boxes of one picture."""
    sides = np.array(boxes, float).reshape(-1, 4)
    return BoxRows(SIZE, sides, np.array(classes, np.int64), np.array(values, float))


def placed(
    draw: np.random.Generator, count: int, classes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw boxes of all three ranges of area, and their classes."""
    corner = draw.uniform(0, 150, (count, 2))
    sides = np.exp(draw.uniform(np.log(4), np.log(140), (count, 2)))
    return np.concatenate([corner, corner + sides], axis=1), draw.integers(0, classes, count)


def drawn(
    pictures: int, seed: int, classes: int = 3, most: int = 6, crowds: float = 0.2
) -> tuple[list[BoxRows], list[BoxRows]]:
    """Draw answers near true boxes, and others; some pictures have none of either."""
    draw = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(pictures):
        boxes, kinds = placed(draw, int(draw.integers(0, most)), classes)
        values = (draw.random(len(kinds)) >= crowds).astype(float)
        truth.append(BoxRows(SIZE, boxes, kinds, values))
        again = (
            draw.integers(0, len(kinds), int(draw.integers(0, 2 * most))) if len(kinds) else np.zeros(0, int)
        )
        near = boxes[again] + draw.normal(0, 3, (len(again), 4)) * draw.random((len(again), 1))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        others, strange = placed(draw, int(draw.integers(0, 3)), classes)
        every = np.concatenate([near, others])
        scores = draw.random(len(every))
        order = np.argsort(-scores)
        labels = np.concatenate([kinds[again], strange])
        found.append(BoxRows(SIZE, every[order], labels[order], scores[order]))
    return found, truth
