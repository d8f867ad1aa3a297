"""``crosstune.json``: what a saved model folder says about itself beyond the ecosystem's own files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crosstune.core.errors import UserError
from crosstune.core.files import read_object, write_json
from crosstune.core.schema import misfit
from crosstune.sources.base import OpenOptions

RECORD = "crosstune.json"
PICTURE = "picture.json"
"""The record of the picture model inside a model that reads something else, or answers something else."""
VERSION = 1


class BadModelFolder(UserError):
    """A folder is not one that this package saved, or its record was edited."""

    code = "bad-model-folder"


@dataclass(frozen=True, kw_only=True)
class Record:
    """Enough to reopen a saved model exactly."""

    format: str
    """Which loader reads the folder: a key of ``OPENERS`` in ``folders.py``."""
    name: str
    source: str
    licence: str
    origin: str
    pretrained: bool
    options: OpenOptions
    preprocessing: Mapping[str, Any]
    architecture: str = ""
    notes: tuple[str, ...] = field(default=())

    def write(self, path: Path) -> None:
        """Write the record into the folder ``path``."""
        write_json(path / RECORD, {"version": VERSION, **asdict(self)})

    @classmethod
    def read(cls, path: Path, name: str = RECORD) -> "Record":
        """Read the record ``name`` of the folder ``path``; raises ``BadModelFolder``."""
        file = path / name
        if not file.is_file():
            raise bad_record(f"{path} holds no {name}")
        try:
            raw = read_object(file)
            version = raw.pop("version")
            if version != VERSION:
                raise bad_record(f"version {version} of the format in {file}; this release reads {VERSION}")
            raw["options"] = OpenOptions(**raw["options"])
            raw["notes"] = tuple(raw["notes"])
            record = cls(**raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise bad_record(f"{file} cannot be read: {getattr(error, 'found', error)}") from error
        if wrong := misfit(record, cls):
            raise bad_record(f"{file}: {wrong}")
        return record


def keep_picture_record(path: Path) -> Record:
    """Make the record in ``path`` that of the model inside, and return it; another takes its place."""
    inner = Record.read(path)
    (path / RECORD).replace(path / PICTURE)
    return inner


def picture_record(folder: Path, outer: str) -> Record:
    """Read what :func:`keep_picture_record` kept in a folder of the format ``outer``.

    Raises:
        BadModelFolder: there is none, or it is of the format ``outer`` again.
    """
    record = Record.read(folder, PICTURE)
    if record.format == outer:
        raise bad_record(f"{folder / PICTURE} is a record of the format {outer}, not of pictures")
    return record


def bad_record(found: str) -> BadModelFolder:
    """Make the error for a folder whose record is missing or was edited."""
    return BadModelFolder(
        "the folder is not a model that crosstune saved",
        found=found,
        expected="the `model` folder of a run",
        fix="give the run directory's `model` folder, whole, and with a matching release of crosstune",
    )
