"""How long each stage of a run takes, from counts and measured speeds.

One place for every estimate, so that a plan, a reserve and what is foreseen of a stage cannot disagree.
Pure: nothing is measured here. Units: seconds, examples, multiplications.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crosstune.planning.facts import DataFacts, ModelFacts

BACKWARD = 2.0
"""PRIOR: a backward pass costs about two forward passes (techniques B6)."""

START_PYTHON = 15.0
"""ASSUMED: seconds to start a fresh Python with torch and load the model, on a slow machine."""

REPORT = 12.0
"""MEASURED on Fashion-MNIST within 15 minutes: 6 seconds for baselines, pictures and the page, and 5 from the
page to the end of the process, with a gigabyte of stored activations to remove."""

INTERVALS = 1e-3
"""MEASURED: seconds of intervals for each test row: of three models, with domains 2 to 3 times as much."""

EXACT = 2.0
"""ASSUMED: an exact pass takes about this many times a pass in half precision."""

MULTIPLICATIONS = 2e10
"""MEASURED: multiplications a second of closed-form fits on two cores: 45 passes of ``4 N D K`` over 60,000
rows of 3,120 columns with 10 classes took 20 s (``probing/logistic.py``)."""

HEAD_PASSES = 45
"""MEASURED: passes of a whole path of logistic penalties, at the same occasion."""

HEADS_LEAST = 1.0
"""ASSUMED: seconds for intervals, the depth curve and saving, however small the data."""

PATHS_LEAST = 5.0
"""MEASURED: seconds of the two paths of logistic penalties, however small the data: with 3 seconds the heads
of 1,000 digits and of 2,000 of MNIST took 1.1 and 1.3 times what was foreseen (``benchmarks/regret.py``)."""

FORGETTING_EXAMPLES = 800
"""ASSUMED: three unrelated sets and the run's own examples, 100 of each at least, by two bodies."""

FORGETTING_OPENING = 3.0
"""ASSUMED: seconds to open the base model and the shipped one again, where they are small."""


RELOADED = 128
"""Validation examples on which a reloaded model must reproduce the one in memory."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained, as far as time is concerned."""

    blocks: int
    """How many of the last blocks move; all of them for strategies that freeze none."""
    epochs: float
    cached: bool = True
    """Whether what lies before the moving blocks is computed once and stored."""
    evaluations: float | None = None
    """On validation; ``None`` is one an epoch."""


def step_seconds(model: ModelFacts) -> float:
    """Seconds for one example in a step that moves everything: measured, else from the pass."""
    return model.step_seconds or (1.0 + BACKWARD) * model.pass_seconds


def frozen_seconds(data: DataFacts, model: ModelFacts, rows: int | None = None) -> float:
    """Seconds of the frozen pass over training (``rows`` of it) and validation."""
    train = data.train_rows if rows is None else min(rows, data.train_rows)
    return (train + data.validation_rows) * model.pass_seconds


def heads_seconds(data: DataFacts, columns: Sequence[int], rows: int | None = None) -> float:
    """Seconds of all closed-form heads.

    For each set of D columns that is read: a Gram, its factors, and for classes the path of logistic fits.

    Args:
        data: rows, outputs and kind of task.
        columns: D of each set of columns (the head's input, the last block, all blocks).
        rows: training rows of the pass; ``None`` is all.
    """
    train = data.train_rows if rows is None else min(rows, data.train_rows)
    passes = 0 if data.task.endswith("regression") else HEAD_PASSES
    total = 0.0
    for width in columns:
        total += float(train) * width * min(width, train) + float(min(width, train)) ** 3
        total += passes * 4.0 * train * width * data.outputs
    return HEADS_LEAST + (PATHS_LEAST if passes else 0.0) + total / MULTIPLICATIONS


def store_seconds(data: DataFacts, model: ModelFacts, blocks: int) -> float:
    """Seconds to compute once what lies before the last ``blocks`` blocks; 0 where everything moves."""
    if blocks >= len(model.shares):
        return 0.0
    return frozen_seconds(data, model) * (1.0 - sum(model.shares[-blocks:] if blocks else ()))


def epoch_seconds(data: DataFacts, model: ModelFacts, blocks: int) -> float:
    """Seconds of one epoch of the last ``blocks`` blocks on stored activations, with one evaluation."""
    return _steps(data, model, blocks) + evaluation_seconds(data, model, blocks)


def evaluation_seconds(data: DataFacts, model: ModelFacts, blocks: int) -> float:
    """Seconds of one evaluation on validation while training."""
    if model.answer_seconds is not None:
        return data.validation_rows * model.answer_seconds
    return data.validation_rows * model.pass_seconds * _share(model, blocks)


def training_seconds(data: DataFacts, model: ModelFacts, training: Training) -> float:
    """Seconds of a whole training, storing included. Without a store every step pays the frozen part too."""
    evaluations = training.epochs if training.evaluations is None else training.evaluations
    steps = training.epochs * _steps(data, model, training.blocks)
    if training.cached:
        each = evaluation_seconds(data, model, training.blocks)
        return store_seconds(data, model, training.blocks) + steps + evaluations * each
    before = 1.0 - _share(model, training.blocks)
    steps += training.epochs * data.train_rows * before * step_seconds(model) / (1.0 + BACKWARD)
    return steps + evaluations * evaluation_seconds(data, model, len(model.shares))


def end_seconds(data: DataFacts, model: ModelFacts, *, trains: bool) -> tuple[float, float]:
    """Seconds of the last evaluation, and of the fresh process and the figures.

    The evaluation is an exact pass over test, and over validation where a model was trained. A model that
    writes answers instead, and twice more to the rows by which the reloaded model is held to the saved one.
    """
    rows = data.test_rows + trains * data.validation_rows
    each = model.exact_seconds or EXACT * model.pass_seconds
    if model.answer_seconds is not None:
        each = model.answer_seconds
        rows += trains * 2 * min(RELOADED, data.validation_rows)
    return each * rows, START_PYTHON + REPORT + INTERVALS * data.test_rows


def forgetting_seconds(model: ModelFacts, examples: int = FORGETTING_EXAMPLES) -> float:
    """Seconds of probes on what was forgotten, on the fewest examples unless told otherwise."""
    return FORGETTING_OPENING + examples * (model.exact_seconds or EXACT * model.pass_seconds)


def general_seconds(model: ModelFacts) -> float:
    """Seconds of the loss of the tuned model on general texts, which was measured of the model as it came."""
    return model.general_seconds + FORGETTING_OPENING if model.general_seconds else 0.0


def _share(model: ModelFacts, blocks: int) -> float:
    """Share of the compute of the last ``blocks`` blocks; all of it where every block moves."""
    if blocks >= len(model.shares):
        return 1.0
    return sum(model.shares[-blocks:]) if blocks else 0.0


def _steps(data: DataFacts, model: ModelFacts, blocks: int) -> float:
    return data.train_rows * step_seconds(model) * _share(model, blocks)
