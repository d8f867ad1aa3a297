"""The part of the budget that is kept for what must happen after the last decision."""

from crosstune.planning.facts import DataFacts, ModelFacts
from crosstune.planning.seconds import end_seconds, forgetting_seconds


def reserve_seconds(data: DataFacts, model: ModelFacts, *, trains: bool) -> float:
    """Estimate the seconds from the last decision to the report (:func:`end_seconds`).

    A run that trains measures what was forgotten too, on few examples where time is short.
    """
    return sum(end_seconds(data, model, trains=trains)) + (forgetting_seconds(model) if trains else 0.0)
