"""Reopening what ``Backbone.save`` wrote, exactly: head, preprocessing, blocks."""

from pathlib import Path

from crosstune.core.errors import UnknownName
from crosstune.sources.base import Backbone
from crosstune.sources.folders import REOPENERS
from crosstune.sources.guard import check_folder
from crosstune.sources.record import Record


def open_saved(path: Path) -> Backbone:
    """Reopen a saved model folder with the head that it was saved with.

    Raises:
        BadModelFolder: the folder is not one that this package saved.
        BadWeights: a weight is missing, of another shape, or not finite.
    """
    check_folder(path)
    record = Record.read(path)
    if record.format not in REOPENERS:
        raise UnknownName("model folder format", record.format, list(REOPENERS))
    return REOPENERS[record.format](path, record)
