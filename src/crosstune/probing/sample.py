"""The rows on which models are scored: their targets, groups and metric, and how an answer is judged.

Shapes: N rows, K outputs, P of them with at least one row.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.probing.calibration import fit_scale
from crosstune.probing.intervals import figure, signed
from crosstune.probing.leave_group_out import left_out, share_intercept
from crosstune.probing.neighbours import NEIGHBOURS, neighbour_means, neighbour_outputs
from crosstune.probing.resampling import bootstrapped, mean_figure
from crosstune.probing.ridge import PENALTIES
from crosstune.probing.spectrum import Spectrum
from crosstune.tasks.base import MetricSpec, Task


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
        calibrated = scale * outputs + shifts
        if not self.present.all():
            every = np.full(self.every_target.shape, absent * scale)
            every[:, self.present] = calibrated
            calibrated = every
        return Answer(calibrated.astype(np.float32), figure(self.spec, calibrated, self.encoded), penalty)

    def ridge(self, spectrum: Spectrum) -> Answer:
        """Give the leave-one-out (leave-group-out) answer at the best penalty.

        Penalties are compared by the user's metric, for values by the squared error; on a tie the larger
        one wins. The best of ten is a little optimistic: 0.114 accuracy on noise where chance is 0.100, with
        a thousand rows.
        """
        best, best_score = None, -np.inf
        for penalty in PENALTIES[::-1]:
            predicted = left_out(spectrum, self.targets, float(penalty), self.groups)
            predicted = share_intercept(predicted, self.targets, self.groups)
            answer = self.answer(predicted, self._absent, float(penalty))
            score = self._score(predicted, answer)
            if best is None or score > best_score:
                best, best_score = answer, score
        if best is None:
            raise ValueError("the grid of penalties is empty")
        return best

    def nearest(self, spectrum: Spectrum) -> Answer:
        """Give the answer of the nearest neighbours."""
        means = neighbour_means(spectrum.coordinates, self.targets, groups=self.groups)
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

    def _score(self, predicted: NDArray[np.float64], answer: Answer) -> float:
        if self.kind == "values":
            return -float(np.mean((predicted - self.targets) ** 2))
        return signed(self.spec, answer.value)
