"""The part of the budget that is kept for what must happen after the last decision."""

from crosstune.planning.facts import DataFacts, ModelFacts

START_PYTHON = 15.0
"""ASSUMED: seconds to start a fresh Python with torch and load the model, on a slow machine."""

REPORT = 10.0
"""ASSUMED: seconds for baselines, intervals, pictures and the page."""

EXACT = 2.0
"""ASSUMED: an exact pass takes about this many times a pass in half precision."""


def reserve_seconds(data: DataFacts, model: ModelFacts, *, trains: bool) -> float:
    """Estimate the seconds from the last decision to the report.

    An exact pass over test, and over validation where a model was trained; a fresh process, the page.
    """
    rows = data.test_rows + trains * data.validation_rows
    exact = model.exact_seconds or EXACT * model.pass_seconds
    return START_PYTHON + REPORT + exact * rows
