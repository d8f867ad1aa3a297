"""The summary of a finished run as it lies on disk, read as if a stranger had written it."""

from pathlib import Path

from crosstune.core.files import damaged, read_object
from crosstune.core.schema import misfit
from crosstune.core.summary import RunSummary
from crosstune.reports.classes import check_shape, names_of


def read_summary(path: Path) -> RunSummary:
    """Read ``summary.json``.

    Raises:
        DamagedFile: there is none, a field is unknown, missing or of another type, or the confusion matrix
            does not fit the classes.

    Checked by: ``tests/reports/test_stored.py``.
    """
    if not path.is_file():
        raise damaged(path, "no such file: the run did not end, or the folder is no run")
    raw = read_object(path)
    try:
        summary = RunSummary.from_json(raw)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise damaged(path, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
    if wrong := misfit(summary, RunSummary):
        raise damaged(path, wrong)
    try:
        if summary.confusion:
            check_shape(summary.confusion, names_of(summary))
    except ValueError as error:
        raise damaged(path, str(error)) from error
    return summary
