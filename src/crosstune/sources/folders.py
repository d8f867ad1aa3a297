"""Folders with a model, whoever saved them."""

from pathlib import Path

from crosstune.core.errors import UnknownName
from crosstune.sources import across, speech, timm_folders, torchvision_models, transformers_folders
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import UnknownModel
from crosstune.sources.guard import check_folder, check_link
from crosstune.sources.record import RECORD, Record
from crosstune.sources.timm_folders import is_timm_folder

OPENERS = {
    timm_folders.FORMAT: timm_folders.open_folder,
    transformers_folders.FORMAT: across.open_folder,
    torchvision_models.FORMAT: torchvision_models.open_folder,
    across.FORMAT: across.open_saved_folder,
    speech.FORMAT: across.open_folder,
}
REOPENERS = {
    timm_folders.FORMAT: timm_folders.reopen,
    transformers_folders.FORMAT: transformers_folders.reopen,
    torchvision_models.FORMAT: torchvision_models.reopen,
    across.FORMAT: across.reopen,
    speech.FORMAT: speech.reopen,
}


def open_folder(folder: Path, name: str, options: OpenOptions, *, source: str) -> Backbone:
    """Open a folder with a new head: a run, its ``model`` folder, a timm or a transformers folder.

    Raises:
        UnknownModel: the folder holds no model.
        UnsupportedModel, DamagedFile, BadWeights: it is not safe to open (:func:`check_folder`).
    """
    if (folder / "model" / RECORD).is_file():
        check_link(folder, "model")
        folder = folder / "model"
    check_folder(folder)
    if (folder / RECORD).is_file():
        record = Record.read(folder)
        if record.format not in OPENERS:
            raise UnknownName("model folder format", record.format, list(OPENERS))
        opener = speech.open_folder if options.task == speech.TASK else OPENERS[record.format]
        return opener(folder, name, options, source=source, record=record)
    if not (folder / "config.json").is_file():
        raise UnknownModel(name, reason=f"the folder {folder} holds no config.json")
    opener = timm_folders.open_folder if is_timm_folder(folder) else across.open_folder
    if options.task == speech.TASK:
        opener = speech.open_folder
    return opener(folder, name, options, source=source)
