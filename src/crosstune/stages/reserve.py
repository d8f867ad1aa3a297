"""The part of the budget that is kept for what must happen after the last decision."""

from crosstune.planning.facts import DataFacts, ModelFacts
from crosstune.planning.seconds import end_seconds, forgetting_seconds, general_seconds
from crosstune.stages.run import Run

TUNING_SHARE = 1 / 3
"""ASSUMED: of the time left for training, what the training without continued pretraining may take, where one
is asked for. The rest is for the pretraining and for an equal training behind it."""


def reserve_seconds(data: DataFacts, model: ModelFacts, *, trains: bool) -> float:
    """Estimate the seconds from the last decision to the report (:func:`end_seconds`).

    A run that trains measures what was forgotten too, on few examples where time is short; of a model that
    answers also the loss on general texts, which comes before the answers of the end.
    """
    forgotten = forgetting_seconds(model) + general_seconds(model) if trains else 0.0
    return sum(end_seconds(data, model, trains=trains)) + forgotten


def kept_for_pretraining(run: Run, reserve: float) -> float:
    """Give the seconds that are kept, beyond ``reserve``, for a continued pretraining and what follows it."""
    if run.options.pretrain_on is None or run.options.seconds is None:
        return 0.0
    return run.once(
        "kept for pretraining", lambda: (1.0 - TUNING_SHARE) * max(0.0, run.budget.left() - reserve)
    )
