"""Folders with a model, whoever saved them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from crosstune.core.errors import UnknownName
from crosstune.sources import (
    across,
    causal,
    dense,
    detecting,
    segmenting,
    spectrograms,
    speech,
    speech_seq2seq,
    tagging,
    timm_folders,
    torchvision_models,
    transformers_folders,
)
from crosstune.sources.assemble import require_modality
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import UnknownModel
from crosstune.sources.guard import check_folder, check_link
from crosstune.sources.record import RECORD, Record, picture_record
from crosstune.sources.segmenter import BOXES, TASK
from crosstune.sources.timm_folders import is_timm_folder

Opener = TypeVar("Opener")


class OfTask(NamedTuple):
    """Models of transformers that are made for a task about places."""

    claims: Callable[[Path], bool]
    open: Callable[..., Backbone]


PLACES: Mapping[str, OfTask] = {
    TASK: OfTask(segmenting.claims, segmenting.open_folder),
    BOXES: OfTask(detecting.claims, detecting.open_folder),
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
    made = PLACES.get(options.task)
    if made is not None and made.claims(folder):
        own = Record.read(folder) if (folder / RECORD).is_file() else None
        return made.open(folder, name, options, source=source, record=own)
    if (folder / RECORD).is_file():
        record = Record.read(folder)
        opener: Callable[..., Backbone] = _known(OPENERS, record)
        if options.task == speech.TASK:
            opener = _recogniser(folder)
        if options.task == causal.TASK:
            opener = causal.open_folder
        return opener(folder, name, options, source=source, record=record)
    if not (folder / "config.json").is_file():
        raise UnknownModel(name, reason=f"the folder {folder} holds no config.json")
    if options.task == speech.TASK:
        return _recogniser(folder)(folder, name, options, source=source)
    if options.task == causal.TASK:
        return causal.open_folder(folder, name, options, source=source)
    opener = timm_folders.open_folder if is_timm_folder(folder) else across.open_folder
    return opener(folder, name, options, source=source)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that ``Backbone.save`` wrote, with the head that it was saved with."""
    return _known(REOPENERS, record)(folder, record)


def _recogniser(folder: Path) -> Callable[..., Backbone]:
    """Choose the opener of a recogniser by what its architecture is made for."""
    return speech_seq2seq.open_folder if speech_seq2seq.claims(folder) else speech.open_folder


def _known(table: Mapping[str, Opener], record: Record) -> Opener:
    if record.format not in table:
        raise UnknownName("model folder format", record.format, list(table))
    return table[record.format]


def _open_heard(folder: Path, name: str, options: OpenOptions, *, source: str, record: Record) -> Backbone:
    """Open a picture model that was trained on spectrograms, with a new head."""
    require_modality(name, "audio", options.task)
    inner = picture_record(folder, spectrograms.FORMAT)

    def open_picture(asked: OpenOptions) -> Backbone:
        return _known(OPENERS, inner)(folder, name, asked, source=source, record=inner)

    return spectrograms.hear(open_picture, options, seconds=spectrograms.seconds_of(record))


def _open_dense(folder: Path, name: str, options: OpenOptions, *, source: str, record: Record) -> Backbone:
    """Open the body of a model for masks, with a new head; whoever wants masks puts a decoder behind it."""
    del record
    inner = picture_record(folder, dense.FORMAT)
    return _known(OPENERS, inner)(folder, name, options, source=source, record=inner)


def _reopen_dense(folder: Path, record: Record) -> Backbone:
    return dense.reopen(folder, record, reopen)


def _reopen_heard(folder: Path, record: Record) -> Backbone:
    return spectrograms.reopen(folder, record, reopen)


OPENERS: dict[str, Callable[..., Backbone]] = {
    timm_folders.FORMAT: timm_folders.open_folder,
    transformers_folders.FORMAT: across.open_folder,
    torchvision_models.FORMAT: torchvision_models.open_folder,
    across.FORMAT: across.open_saved_folder,
    spectrograms.FORMAT: _open_heard,
    speech.FORMAT: across.open_folder,
    speech_seq2seq.FORMAT: across.open_folder,
    tagging.FORMAT: across.open_folder,
    causal.FORMAT: across.open_folder,
    segmenting.FORMAT: across.open_folder,
    detecting.FORMAT: across.open_folder,
    dense.FORMAT: _open_dense,
}
REOPENERS: dict[str, Callable[[Path, Record], Backbone]] = {
    timm_folders.FORMAT: timm_folders.reopen,
    transformers_folders.FORMAT: transformers_folders.reopen,
    torchvision_models.FORMAT: torchvision_models.reopen,
    across.FORMAT: across.reopen,
    spectrograms.FORMAT: _reopen_heard,
    speech.FORMAT: speech.reopen,
    speech_seq2seq.FORMAT: speech_seq2seq.reopen,
    tagging.FORMAT: tagging.reopen,
    causal.FORMAT: causal.reopen,
    segmenting.FORMAT: segmenting.reopen,
    detecting.FORMAT: detecting.reopen,
    dense.FORMAT: _reopen_dense,
}
