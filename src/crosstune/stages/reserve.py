"""The part of the budget that is kept for what must happen after the last decision."""

from crosstune.planning.facts import DataFacts, ModelFacts
from crosstune.planning.seconds import end_seconds


def reserve_seconds(data: DataFacts, model: ModelFacts, *, trains: bool) -> float:
    """Estimate the seconds from the last decision to the report (:func:`end_seconds`)."""
    return sum(end_seconds(data, model, trains=trains))
