"""All scores of one model, from one frozen pass over a sample of rows.

Shapes: N rows, K outputs, Z source classes.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.probing.beside import feature_scores, source_scores
from crosstune.probing.depth import COARSE
from crosstune.probing.intervals import signed
from crosstune.probing.leave_group_out import group_indices
from crosstune.probing.matrix import FeatureBlocks, Matrix
from crosstune.probing.reads import check_finite, list_reads
from crosstune.probing.sample import Answer, Sample
from crosstune.probing.system import measure_system
from crosstune.tasks.base import Task

DECOMPOSED = ("head", "mean")
"""Reads that LogME and the H-score are measured on; on all blocks their decomposition would cost more than
all that decides."""


@dataclass(frozen=True, kw_only=True)
class Depth:
    """One point of the depth curve: ridge on one block alone."""

    block: str
    width: int
    metric: Metric
    penalty: float


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """What frozen features say about one model, all on the same N rows."""

    model: str
    figure: str
    """The user's metric, such as ``accuracy``."""
    higher_is_better: bool
    deciding: Metric
    """The mean of ``ridge`` and ``neighbours``: what models are ranked by."""
    ridge: Metric
    """Of the best read under ridge leave-one-out (leave-group-out with groups)."""
    reads: str
    """That read: ``head``, ``last``, ``mean`` or ``all``; of places also the name of a block."""
    neighbours: Metric
    """Of the best read under k nearest neighbours."""
    neighbours_read: str
    outputs: NDArray[np.float32] = field(repr=False)
    """``(N, K)``: left-out ridge outputs of ``reads``, calibrated: logits, or scaled values."""
    neighbours_outputs: NDArray[np.float32] = field(repr=False)
    """``(N, K)``: those of the neighbours in ``neighbours_read``."""
    encoded: NDArray[Any] = field(repr=False)
    """Encoded targets of the N rows."""
    units: NDArray[np.intp] = field(repr=False)
    """``(N,)``: the group of each row, or each row its own: what a resample draws."""
    depth: tuple[Depth, ...]
    """The metric after each block, in order."""
    beside: Mapping[str, Metric]
    """What is reported and does not decide: ``logme@head``, ``h-score@head``, ``leep``, ``nce`` ..."""
    measurements: tuple[Measurement, ...] = field(repr=False)
    """Every figure above, named ``rank/MODEL/...``."""
    seconds: float
    seed: int


def score_model(
    name: str,
    task: Task,
    features: FeatureBlocks,
    encoded: NDArray[Any],
    *,
    groups: Sequence[object] | NDArray[Any] | None = None,
    source_probabilities: NDArray[np.floating] | None = None,
    singles: bool = False,
    seed: int = 0,
) -> ModelScores:
    """Score a model on a sample of rows, without a gradient.

    Ridge and nearest neighbours answer for every row without having seen it (or its group), on the head's
    input, the last block, the mean over layers where widths agree, and all blocks together. The user's
    metric of the best of these reads under ridge, averaged with that of the best under neighbours, decides;
    single blocks give the depth curve and do not compete, as a deep model would have more tries.

    Args:
        name: of the model; part of the measurements' names.
        task: gives the targets and the user's metric, the first of ``task.metrics``.
        features: of N rows, about 2,000.
        encoded: ``task.encode`` of their targets.
        groups: one value for each row; rows that share it are left out together.
        source_probabilities: of the model's own classes, ``(N, Z)``, where it has a classifier.
        singles: whether single blocks compete after all: of places of pictures, of which a model has at most
            four maps, and whose decoder weighs each by itself.
        seed: of the intervals.

    Defined answers: a class with one row counts as missed by ridge and neighbours, which have never seen
    it. With one class in the sample every model has the same figure, and LogME and H-score are left out.
    Constant columns are passed over; features that are all constant answer like the mean. Classes without a
    row cost nothing.

    Raises:
        NonFiniteFeatures: NaN or infinity among the features, by block and row.
        BadValue: one group holds all rows.
        ValueError: the numbers of rows differ or are zero, or targets are not finite.

    Cost: 8.5 processor seconds for 2,000 rows of 3,120 columns (``benchmarks/model_scores.py``).
    Checked by: ``tests/probing/test_model_scores.py``.
    """
    began = time.monotonic()
    sample = _checked(name, task, features, encoded, groups, seed)
    log = _Log(name, sample)
    ridge, nearest = _reads(log, features, singles=singles)
    last = ridge.get("last", ridge["head"])
    depth = _depth(log, features, last)
    if source_probabilities is not None and sample.kind == "classes":
        for figure, metric, seconds in source_scores(sample, source_probabilities):
            log.add(figure, figure, metric, seconds, None, beside=True)
    return _gathered(log, ridge, nearest, depth, began)


def _gathered(
    log: "_Log",
    ridge: Mapping[str, Answer],
    nearest: Mapping[str, Answer],
    depth: tuple[Depth, ...],
    began: float,
) -> ModelScores:
    """Choose the best read of each kind, and put together what decides and what stands beside it."""
    sample, started = log.sample, time.monotonic()
    best, near = _best(sample, ridge), _best(sample, nearest)
    deciding = sample.interval(ridge[best], nearest[near])
    detail = {"ridge": best, "neighbours": near, "grouped": sample.groups is not None}
    log.add("deciding", sample.spec.name, deciding, time.monotonic() - started, detail)
    return ModelScores(
        model=log.model,
        figure=sample.spec.name,
        higher_is_better=sample.spec.higher_is_better,
        deciding=deciding,
        ridge=log.metrics[f"ridge@{best}"],
        reads=best,
        neighbours=log.metrics[f"neighbours@{near}"],
        neighbours_read=near,
        outputs=ridge[best].outputs,
        neighbours_outputs=nearest[near].outputs,
        encoded=sample.encoded,
        units=sample.units,
        depth=depth,
        beside=log.beside,
        measurements=tuple(log.rows),
        seconds=time.monotonic() - began,
        seed=sample.seed,
    )


def _checked(
    name: str,
    task: Task,
    features: FeatureBlocks,
    encoded: NDArray[Any],
    groups: Sequence[object] | NDArray[Any] | None,
    seed: int,
) -> Sample:
    rows = len(features.head_input)
    if rows != len(encoded) or not rows:
        raise ValueError(f"{rows} rows of features of {name}, but {len(encoded)} targets")
    check_finite(name, features)
    indices = None if groups is None else group_indices(groups, rows)
    sample = Sample(task, encoded, indices, seed)
    if not np.isfinite(sample.every_target).all():
        raise ValueError("targets that are not finite")
    return sample


class _Log:
    """Collects the measurements of one model."""

    def __init__(self, model: str, sample: Sample) -> None:
        self.model, self.sample = model, sample
        self.rows: list[Measurement] = []
        self.metrics: dict[str, Metric] = {}
        self.beside: dict[str, Metric] = {}

    def answer(self, what: str, answer: Answer, started: float, detail: dict[str, Any] | None = None) -> None:
        """Add the metric of left-out answers."""
        more = {} if answer.penalty is None else {"penalty": answer.penalty}
        metric = self.sample.interval(answer)
        self.add(what, self.sample.spec.name, metric, time.monotonic() - started, more | (detail or {}))

    def add(
        self,
        what: str,
        figure: str,
        metric: Metric,
        seconds: float,
        detail: dict[str, Any] | None,
        *,
        beside: bool = False,
    ) -> None:
        """Add one figure."""
        self.metrics[what] = metric
        if beside:
            self.beside[what] = metric
        self.rows.append(
            Measurement(
                name=f"rank/{self.model}/{what}",
                candidate=self.model,
                figure=figure,
                metric=metric,
                examples=len(self.sample.encoded),
                seed=self.sample.seed,
                seconds=seconds,
                detail=detail or None,
            )
        )


def _reads(
    log: _Log, features: FeatureBlocks, *, singles: bool
) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """Give what ridge and the neighbours answer on each read."""
    ridge, nearest = dict[str, Answer](), dict[str, Answer]()
    for read in list_reads(features, singles=singles):
        started = time.monotonic()
        system = measure_system(read.matrix)
        ridge[read.name] = log.sample.ridge(system)
        log.answer(f"ridge@{read.name}", ridge[read.name], started)
        started = time.monotonic()
        nearest[read.name] = log.sample.nearest(system)
        log.answer(f"neighbours@{read.name}", nearest[read.name], started)
        if read.name in DECOMPOSED:
            for figure, metric, detail, seconds in feature_scores(log.sample, system):
                log.add(f"{figure}@{read.name}", figure, metric, seconds, detail, beside=True)
    return ridge, nearest


def _depth(log: _Log, features: FeatureBlocks, last: Answer) -> tuple[Depth, ...]:
    """Give the curve; the answer of the last block is known."""
    found, final = list[Depth](), len(features.names) - 1
    for index, (block, values) in enumerate(zip(features.names, features.blocks, strict=True)):
        started = time.monotonic()
        system = None if index == final else measure_system(Matrix(((values,),)))
        answer = last if system is None else log.sample.ridge(system, COARSE)
        detail = {"block": index, "width": values.shape[1]}
        log.answer(f"depth@{block}", answer, started, detail)
        metric, penalty = log.metrics[f"depth@{block}"], float(answer.penalty or 0.0)
        found.append(Depth(block=block, width=values.shape[1], metric=metric, penalty=penalty))
    return tuple(found)


def _best(sample: Sample, answers: Mapping[str, Answer]) -> str:
    """Name the best read; the first of equals."""
    return max(answers, key=lambda read: signed(sample.spec, answers[read].value))
