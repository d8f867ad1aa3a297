"""The rows on which models are scored: their targets, groups and metric, and how an answer is judged.

Shapes: N rows, K outputs, P of them with at least one row.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.core.seeding import generator
from crosstune.probing.calibration import fit_scale
from crosstune.probing.intervals import figure, signed
from crosstune.probing.leave_group_out import left_out, share_intercept
from crosstune.probing.neighbours import NEIGHBOURS, neighbour_means, neighbour_outputs
from crosstune.probing.resampling import bootstrapped, mean_figure
from crosstune.probing.ridge import PENALTIES, search_order
from crosstune.probing.system import System
from crosstune.tasks.base import MetricSpec, Task

WIDE = 500
"""Where N and D are both above this, the grid of penalties is searched in two steps (``search_order``)."""


@dataclass(frozen=True)
class Answer:
    """What a score's head says about rows it has not seen."""

    outputs: NDArray[np.float32]
    """``(N, K)``: calibrated logits, or scaled values, as the task's metrics read them."""
    value: float
    """The primary metric."""
    penalty: float | None = None
    """Of a ridge head."""


@dataclass(frozen=True)
class Sample:
    """N rows with their targets."""

    task: Task
    encoded: NDArray[Any]
    groups: NDArray[np.intp] | None
    """Of ``leave_group_out.group_indices``, where rows are grouped."""
    seed: int

    @cached_property
    def spec(self) -> MetricSpec:
        """The user's metric."""
        return next(iter(self.task.metrics.values()))

    @property
    def kind(self) -> str:
        """``classes``, ``multi-label`` or ``values``."""
        return self.task.linear_kind()

    @cached_property
    def units(self) -> NDArray[np.intp]:
        """The group of each row, ``(N,)``; each row its own where there are none."""
        return np.arange(len(self.encoded)) if self.groups is None else self.groups

    @cached_property
    def every_target(self) -> NDArray[np.float64]:
        """``(N, K)``."""
        return self.task.linear_targets(self.encoded)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which outputs have a row, ``(K,)``: with ten thousand classes most have none in a sample."""
        if self.kind == "values":
            return np.ones(self.every_target.shape[1], dtype=np.bool_)
        return np.asarray(self.every_target.any(axis=0))

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """``(N, P)``: the outputs that have a row."""
        return np.ascontiguousarray(self.every_target[:, self.present])

    def answer(self, outputs: NDArray[np.float64], absent: float, penalty: float | None = None) -> Answer:
        """Calibrate the outputs ``(N, P)`` of left-out rows and judge them; ``absent`` is for all others."""
        scale, shifts = fit_scale(self.kind, outputs, self.targets)
        calibrated = self._every(scale * outputs + shifts, scale * absent)
        return Answer(calibrated.astype(np.float32), figure(self.spec, calibrated, self.encoded), penalty)

    def ridge(self, system: System, penalties: NDArray[np.float64] = PENALTIES) -> Answer:
        """Give the leave-one-out (leave-group-out) answer at the best penalty.

        Penalties are compared by the user's metric, for values by the squared error; on a tie the larger
        one wins. The best of ten is a little optimistic: 0.114 accuracy on noise where chance is 0.100, with
        a thousand rows.
        """
        best, scores = None, dict[float, float]()
        wide = min(system.values.shape) > WIDE
        for penalty in search_order(penalties, scores, wide=wide):
            predicted = left_out(system, self.targets, penalty, self.groups)
            predicted = share_intercept(predicted, self.targets, self.groups)
            scores[penalty] = self._score(predicted)
            if best is None or (scores[penalty], penalty) > (scores[best[0]], best[0]):
                best = penalty, predicted
        if best is None:
            raise ValueError("the grid of penalties is empty")
        return self.answer(best[1], self._absent, best[0])

    def nearest(self, system: System) -> Answer:
        """Give the answer of the nearest neighbours."""
        gram = None if system.tall else system.gram
        means = neighbour_means(system.values, self.targets, gram=gram, groups=self.groups)
        absent = -float(np.log(2 * len(means) * (NEIGHBOURS + 1)))
        return self.answer(neighbour_outputs(self.kind, means, self.targets), absent)

    def interval(self, *answers: Answer) -> Metric:
        """Average the metric of some answers, with its interval over resampled rows (groups)."""
        prepared = [self.spec.prepare(answer.outputs, self.encoded) for answer in answers]
        return bootstrapped(lambda rows: mean_figure(self.spec, prepared, rows), self.units, seed=self.seed)

    @property
    def _absent(self) -> float:
        """What ridge says of an output without a row: zero of a class, and hardly ever of a label."""
        return 0.0 if self.kind == "classes" else -float(np.log(2 * len(self.encoded)))

    @cached_property
    def _scale_free(self) -> bool:
        """Whether the metric is the same for outputs of any scale, as accuracy is: then calibration waits."""
        if self.kind != "classes":
            return False
        draw = generator(self.seed, "metric").normal(size=self.every_target.shape)
        values = [figure(self.spec, factor * draw, self.encoded) for factor in (1.0, 3.0)]
        return values[0] == values[1]

    def _score(self, predicted: NDArray[np.float64]) -> float:
        """Judge one penalty; higher is better."""
        if self.kind == "values":
            return -float(np.mean((predicted - self.targets) ** 2))
        if not self._scale_free:
            return signed(self.spec, self.answer(predicted, self._absent).value)
        return signed(self.spec, figure(self.spec, self._every(predicted, self._absent), self.encoded))

    def _every(self, outputs: NDArray[np.float64], absent: float) -> NDArray[np.float64]:
        """Give ``(N, K)`` from ``(N, P)`` outputs; ``absent`` is for the outputs without a row."""
        if self.present.all():
            return outputs
        every = np.full(self.every_target.shape, absent)
        every[:, self.present] = outputs
        return every
