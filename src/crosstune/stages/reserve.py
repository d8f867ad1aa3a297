"""The part of the budget that is kept for what must happen after the last decision."""

from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared

START_PYTHON = 15.0
"""ASSUMED: seconds to start a fresh Python with torch and load the model, on a slow machine."""

REPORT = 10.0
"""ASSUMED: seconds for baselines, intervals, pictures and the page."""

EXACT = 2.0
"""ASSUMED: an exact pass takes about this many times a pass in the fastest precision."""


def reserve_seconds(prepared: Prepared, opened: Opened) -> float:
    """Estimate the seconds from the last decision to the report.

    Two exact passes over validation, one over test, a fresh process, the page.
    """
    rows = prepared.facts.test_rows + 2 * prepared.facts.validation_rows
    return START_PYTHON + REPORT + EXACT * opened.facts.pass_seconds * rows
