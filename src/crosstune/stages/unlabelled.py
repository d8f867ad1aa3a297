"""Rows without labels: inputs of the place where a model will be used, or more of the kind it is tuned on."""

from pathlib import Path

from crosstune.core.progress import Silent
from crosstune.data.check import check
from crosstune.data.items import SplitItems
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.use import TABLES, gather


def unlabelled(run: Run, prepared: Prepared, opened: Opened, place: str) -> SplitItems:
    """Read inputs as ``predict`` does: a folder of pictures, a table with the input column, or several.

    A target in a table is not looked at. Rows that cannot be used are left out, and said.

    Raises:
        NothingToPredict, UserError: there is nothing that can be read.
    """
    data, _ = gather(saved_model(prepared, opened), places(place, prepared.task.modality))
    bad = {item.index for item in check(data, task=prepared.task.name, reporter=Silent()).bad}
    items = data.items(next(iter(data.splits)))
    good = [index for index in range(len(items)) if index not in bad]
    if bad:
        run.reporter.warn(f"{len(bad):,} of {len(items):,} rows of {place} cannot be used and are left out")
    return items.subset(good)


def places(place: str, modality: str) -> list[str]:
    """List what is read where ``place`` was named: the tables of a folder, where the inputs are texts."""
    if modality != "text" or not Path(place).is_dir():
        return [place]
    files = (file for file in Path(place).rglob("*") if file.suffix.lower() in TABLES and file.is_file())
    return [str(file) for file in sorted(files)] or [place]
