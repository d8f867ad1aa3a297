"""Reopening what ``Backbone.save`` wrote, exactly: head, preprocessing, blocks."""

from pathlib import Path

from crosstune.sources.base import Backbone
from crosstune.sources.folders import reopen
from crosstune.sources.guard import check_folder
from crosstune.sources.record import Record


def open_saved(path: Path) -> Backbone:
    """Reopen a saved model folder with the head that it was saved with.

    Raises:
        BadModelFolder: the folder is not one that this package saved.
        BadWeights: a weight is missing, of another shape, or not finite.
    """
    check_folder(path)
    return reopen(path, Record.read(path))
