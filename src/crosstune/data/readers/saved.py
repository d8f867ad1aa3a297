"""A directory that ``datasets`` saved with ``save_to_disk``: memory-mapped where it lies."""

from pathlib import Path
from typing import Any

from datasets import load_from_disk

from crosstune.core.errors import DamagedFile
from crosstune.core.files import read_object
from crosstune.data.errors import UnreadableFile
from crosstune.data.readers.base import RawData
from crosstune.data.readers.memory import from_datasets


class SavedDatasets:
    """A saved Dataset or DatasetDict."""

    name = "saved datasets directory"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """By the files that ``save_to_disk`` writes."""
        if not isinstance(data, Path):
            return False
        return (data / "dataset_dict.json").is_file() or (
            (data / "state.json").is_file() and (data / "dataset_info.json").is_file()
        )

    def read(self, data: Path) -> RawData:
        """Open without copying."""
        for folder in _parts(data):
            _check_state(folder)
        try:
            loaded = load_from_disk(str(data))
        except Exception as error:  # it raises anything on files that were edited
            raise _broken(data, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
        return from_datasets(loaded, source=str(data))


def _parts(data: Path) -> list[Path]:
    """Return the folders of the splits, which must lie in ``data``."""
    if not (data / "dataset_dict.json").is_file():
        return [data]
    names = _read(data, "dataset_dict.json").get("splits")
    if not isinstance(names, list) or not all(_is_plain(name) for name in names):
        raise _broken(data, "dataset_dict.json names splits that are no folders in it")
    return [data / name for name in names]


def _check_state(folder: Path) -> None:
    """The files that ``state.json`` names must lie in the folder: it may come from anybody."""
    for key in ("_data_files", "_indices_data_files"):
        files = _read(folder, "state.json").get(key) or []
        listed = files if isinstance(files, list) else [None]
        names = [file.get("filename") if isinstance(file, dict) else None for file in listed]
        inside = all(_is_plain(name) for name in names)
        if not inside or any((folder / str(name)).is_symlink() for name in names):
            raise _broken(folder, f"state.json names data elsewhere: {str(names)[:200]}")


def _is_plain(name: object) -> bool:
    return isinstance(name, str) and Path(name).name == name and name not in ("", ".", "..")


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        return read_object(folder / name)
    except (OSError, DamagedFile) as error:
        raise _broken(folder, f"{name}: {getattr(error, 'found', error)}") from error


def _broken(data: Path, found: str) -> UnreadableFile:
    return UnreadableFile(
        f"`{data}` looks like a saved dataset, but does not open",
        found=found,
        expected="a complete directory as `save_to_disk` writes it",
        fix="save the dataset again",
    )
