"""Losses compared on cached features by the user's own metric, before any of them trains a model.

A small linear head is fitted for each loss of the task and judged on rows that it has not seen. A loss is
preferred to the task's default only where its paired interval says so: which loss is best on other data sets
decides nothing. Shapes: N rows, M judged rows, D columns, K outputs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.clock import Budget
from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.core.seeding import generator
from crosstune.core.settings import Settings
from crosstune.data.stratify import hold_out, quantile_bins
from crosstune.probing.intervals import measured, paired
from crosstune.probing.logistic import OutOfTime, share_of_classes
from crosstune.probing.matrix import Matrix
from crosstune.probing.whitened import Head, Loss, Whitened, minimise, whiten
from crosstune.tasks.base import MetricSpec, Task

MOST_ROWS = 5000
"""ASSUMED: training rows on which losses are compared, drawn in proportion to the classes."""
FOLDS = 3
PASSES = 15
"""ASSUMED: for one fit, started from that of the penalty before; enough to tell losses apart."""
PENALTIES = (1e3, 1e2, 1e1)
"""In pseudo-rows, from large to small, until the loss's own value on the judged rows rises."""
IMBALANCE = 10.0
"""PRIOR (techniques C3): above this ratio of the largest class to the smallest, logits are adjusted too."""
SECONDS = 20.0
"""ASSUMED: the time for all losses together, where the caller sets no deadline."""
ADJUSTED = "post-hoc logit adjustment"

Floats = NDArray[np.float64]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows to fit and rows to judge."""


@dataclass(frozen=True, kw_only=True)
class LossScore:
    """One loss, judged."""

    name: str
    """A loss of the task, or ``ADJUSTED`` (the default loss; ``ln`` of the class shares subtracted)."""
    outputs: Floats
    """``(M, K)`` on the judged rows."""
    metric: Metric
    gain: Metric | None
    """How much better than the default, with its paired interval; positive is better."""
    penalty: float
    """The best of ``PENALTIES`` for this loss."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LossComparison:
    """All losses, the task's default first."""

    figure: str
    """The metric that judged."""
    scores: tuple[LossScore, ...]
    """Empty where there was no time even for the default, or nothing to compare it with."""
    untried: tuple[str, ...]
    """Losses for which the time was not enough."""
    default: str
    seconds: float
    seed: int

    @property
    def best(self) -> LossScore | None:
        """The loss to prefer: the largest gain among those that are surely better, else the default."""
        surely = [one for one in self.scores if one.gain is not None and one.gain.low > 0]
        return max(surely, key=lambda one: one.gain.value if one.gain else 0.0, default=self._first)

    @property
    def preferred(self) -> str:
        """The name of the best; the default where nothing is surely better."""
        return self.default if self.best is None else self.best.name

    @property
    def _first(self) -> LossScore | None:
        return self.scores[0] if self.scores else None

    def measurements(self) -> list[Measurement]:
        """Give a row for each loss, and one for each difference from the default."""
        rows = []
        for one in self.scores:
            found = {"": (self.figure, one.metric)}
            if one.gain is not None:
                found["/gain"] = (f"{self.figure}, better than {self.default} by", one.gain)
            rows += [
                Measurement(
                    name=f"loss/{one.name}{suffix}", candidate=one.name, figure=figure, metric=metric,
                    examples=len(one.outputs), seed=self.seed, seconds=one.seconds,
                    detail={"penalty": one.penalty},
                )
                for suffix, (figure, metric) in found.items()
            ]  # fmt: skip
        return rows


def compare_losses(
    task: Task,
    features: NDArray[np.float32],
    encoded: NDArray[Any],
    *,
    settings: Settings,
    validation: tuple[NDArray[np.float32], NDArray[Any]] | None = None,
    groups: Sequence[object] | None = None,
    metric: str | None = None,
    deadline: Budget | None = None,
) -> LossComparison:
    """Fit a linear head for each loss of the task and judge them by one metric on the same unseen rows.

    Every loss gets the penalty that suits it, chosen by its own value on the judged rows, not by the metric.
    Where the largest class has over ten times the examples of the smallest, the outputs of the default loss
    minus ``ln pi`` (pi the shares of the classes) are a candidate of their own, which costs no training at
    all (Menon 2021, arXiv:2007.07314, section 4.1, tau = 1).

    Args:
        task: fitted; its ``losses`` are the candidates, the first is the default.
        features: ``(N, D)`` cached features, such as the native head's input.
        encoded: ``task.encode`` of their targets.
        settings: ``class_weights`` and the parameters of losses are read; ``seed`` draws rows and folds.
        validation: features and encoded targets to judge on; ``None`` takes three folds of the N rows.
        groups: of the N rows; a group stays in one fold.
        metric: the judge; ``None`` takes the task's primary metric.
        deadline: losses that are not fitted by then are left out, the default last; 20 s if ``None``.

    Raises ``ValueError`` where the features hold NaN or infinity, which the frozen pass refuses before.

    Cost: an eigendecomposition, and at most 15 passes for each loss, penalty and fold: 5.2 s of one core for
    N = 5,000, D = 1,280, K = 10, five losses and 1,000 validation rows. ``deadline`` caps it.
    Checked by: ``tests/probing/test_losses.py``.
    """
    began = time.monotonic()
    name = metric or next(iter(task.metrics))
    chosen = _sample(task, encoded, settings.seed)
    features, encoded = features[chosen], encoded[chosen]
    names, adjusts = _candidates(task, settings), _imbalance(task, encoded) > IMBALANCE
    empty = LossComparison(
        figure=name, scores=(), untried=(), default=task.losses[0], seconds=0.0, seed=settings.seed
    )
    if len(names) + adjusts < 2:
        return empty
    if validation is None:
        owners = None if groups is None else [groups[row] for row in chosen]
        splits, matrix = _folds(task, encoded, owners, settings.seed), Matrix(((features,),))
    else:
        splits = [(np.arange(len(features)), len(features) + np.arange(len(validation[0])))]
        matrix, encoded = _stacked((features, encoded), validation)
    where = whiten(matrix, task.linear_targets(encoded))
    bench = _Bench(task, settings, where, encoded, splits, deadline or Budget(SECONDS))
    found, untried = bench.fit_all(names)
    if not found:
        return replace(empty, untried=untried, seconds=time.monotonic() - began)
    if adjusts:
        found.append(bench.adjusted(found[0]))
    scores = _judged(task.metrics[name], found, encoded[bench.judged], settings.seed)
    return replace(empty, scores=scores, untried=untried, seconds=time.monotonic() - began)


def _stacked(
    first: tuple[NDArray[np.float32], NDArray[Any]], second: tuple[NDArray[np.float32], NDArray[Any]]
) -> tuple[Matrix, NDArray[Any]]:
    return Matrix(((first[0],), (second[0],))), np.concatenate([first[1], second[1]])


def _candidates(task: Task, settings: Settings) -> list[str]:
    """List the losses that the settings allow; ``class-balanced`` brings weights of its own."""
    weighted = settings.class_weights != "none"
    return [name for name in task.losses if not (weighted and name == "class-balanced")]


def _imbalance(task: Task, encoded: NDArray[Any]) -> float:
    """Return how many times the smallest class that occurs the largest one has; 1 without classes."""
    if task.linear_kind() != "classes":
        return 1.0
    counts = np.bincount(encoded)
    return float(counts.max() / counts[counts > 0].min())


def _strata(task: Task, encoded: NDArray[Any]) -> list[int]:
    """Give each row what rows are drawn in proportion to."""
    kind = task.linear_kind()
    if kind == "classes":
        return [int(one) for one in encoded]
    return quantile_bins(encoded.tolist()) if kind == "values" else [0] * len(encoded)


def _sample(task: Task, encoded: NDArray[Any], seed: int) -> NDArray[np.intp]:
    if len(encoded) <= MOST_ROWS:
        return np.arange(len(encoded))
    draw = generator(seed, "loss rows")
    return np.array(hold_out(_strata(task, encoded), MOST_ROWS, draw, keep=0), dtype=np.intp)


def _folds(task: Task, encoded: NDArray[Any], groups: Sequence[object] | None, seed: int) -> list[Split]:
    """Deal rows (or whole groups) to the folds, stratum by stratum in random order."""
    strata, draw = np.array(_strata(task, encoded)), generator(seed, "loss folds")
    owners = np.arange(len(strata))
    if groups is not None:
        numbers: dict[object, int] = {}
        owners = np.array([numbers.setdefault(one, len(numbers)) for one in groups])
    shuffled = draw.permutation(len(strata))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    place = {int(owner): number for number, owner in enumerate(dict.fromkeys(owners[order].tolist()))}
    dealt = np.array([place[int(owner)] % FOLDS for owner in owners])
    parts = [(np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)) for fold in range(FOLDS)]
    return [part for part in parts if len(part[0]) and len(part[1])]


@dataclass(frozen=True)
class _Fitted:
    name: str
    outputs: Floats
    penalty: float
    seconds: float


@dataclass(frozen=True)
class _Bench:
    """What all losses share."""

    task: Task
    settings: Settings
    where: Whitened
    encoded: NDArray[Any]
    splits: Sequence[Split]
    deadline: Budget

    @property
    def judged(self) -> NDArray[np.intp]:
        """The rows that are judged, in the order of the splits."""
        return np.concatenate([rows for _, rows in self.splits])

    def fit_all(self, names: Sequence[str]) -> tuple[list[_Fitted], tuple[str, ...]]:
        """Fit one loss after another while there is time; also name those that were not."""
        found: list[_Fitted] = []
        for number, name in enumerate(names):
            try:
                found.append(self._fit(name))
            except OutOfTime:
                return found, tuple(names[number:])
        return found, ()

    def adjusted(self, plain: _Fitted) -> _Fitted:
        """Subtract the log shares of the classes from the outputs of the default loss."""
        shares = [share_of_classes("classes", self._linear(fit)) for fit, _ in self.splits]
        shift = np.concatenate(
            [np.tile(share, (len(rows), 1)) for share, (_, rows) in zip(shares, self.splits, strict=True)]
        )
        return replace(plain, name=ADJUSTED, outputs=plain.outputs - shift, seconds=0.0)

    def _fit(self, name: str) -> _Fitted:
        """Go from large penalties to small ones until the loss on the judged rows rises."""
        began = time.monotonic()
        settings = replace(self.settings, loss=name)
        losses = [self.task.make_loss(settings, self.encoded[fit]) for fit, _ in self.splits]
        states = [self._start(fit) for fit, _ in self.splits]
        best, least = _Fitted(name, np.empty(0), 0.0, 0.0), np.inf
        for penalty in PENALTIES:
            states = [
                self._minimised(fit, loss, penalty, state)
                for (fit, _), loss, state in zip(self.splits, losses, states, strict=True)
            ]
            outputs = [self.where.outputs(s, rows) for s, (_, rows) in zip(states, self.splits, strict=True)]
            value = self._value(losses, outputs)
            if penalty != PENALTIES[0] and not value < least:
                break
            best, least = _Fitted(name, np.concatenate(outputs), penalty, 0.0), value
        return replace(best, seconds=time.monotonic() - began)

    def _minimised(self, rows: NDArray[np.intp], loss: Loss, penalty: float, state: Head) -> Head:
        return minimise(
            self.where, rows, self._targets(rows), loss, penalty, state,
            curvature=self._curvature(rows), deadline=self.deadline, passes=PASSES,
        )  # fmt: skip

    def _value(self, losses: Sequence[Loss], outputs: Sequence[Floats]) -> float:
        sums = [
            loss(torch.from_numpy(part), self._targets(rows))
            for loss, part, (_, rows) in zip(losses, outputs, self.splits, strict=True)
        ]
        return float(sum(float(one.total) for one in sums) / sum(float(one.weight) for one in sums))

    def _start(self, rows: NDArray[np.intp]) -> Head:
        bias = share_of_classes(self.task.linear_kind(), self._linear(rows))
        return np.zeros((len(self.where.variances), len(bias))), bias

    def _curvature(self, rows: NDArray[np.intp]) -> float:
        if self.task.linear_kind() == "values":
            return 1.0
        share = self._linear(rows).mean(axis=0)
        return max(float((share * (1.0 - share)).mean()), 1e-4)

    def _linear(self, rows: NDArray[np.intp]) -> Floats:
        return self.task.linear_targets(self.encoded[rows])

    def _targets(self, rows: NDArray[np.intp]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(self.encoded[rows]))
        return tensor.float() if tensor.dtype == torch.float64 else tensor


def _judged(
    spec: MetricSpec, found: Sequence[_Fitted], targets: NDArray[Any], seed: int
) -> tuple[LossScore, ...]:
    return tuple(
        LossScore(
            name=one.name, outputs=one.outputs, penalty=one.penalty, seconds=one.seconds,
            metric=measured(spec, one.outputs, targets, seed=seed),
            gain=None
            if one is found[0]
            else paired(
                spec, one.outputs, found[0].outputs, targets, seed=seed, comparisons=len(found) - 1
            ),
        )
        for one in found
    )  # fmt: skip
