"""The part of the budget that is kept for what must happen after the last decision."""

from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared

START_PYTHON = 15.0
"""ASSUMED: seconds to start a fresh Python with torch and load the model, on a slow machine."""

REPORT = 10.0
"""ASSUMED: seconds for baselines, intervals, pictures and the page."""

EXACT = 2.0
"""ASSUMED: an exact pass takes about this many times a pass in half precision."""


def reserve_seconds(prepared: Prepared, opened: Opened, *, trains: bool) -> float:
    """Estimate the seconds from the last decision to the report.

    An exact pass over test, and over validation where a model was trained; a fresh process, the page.
    """
    rows = prepared.facts.test_rows + trains * prepared.facts.validation_rows
    exact = opened.facts.exact_seconds or EXACT * opened.facts.pass_seconds
    return START_PYTHON + REPORT + exact * rows
