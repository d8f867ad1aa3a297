"""A directory that ``datasets`` saved with ``save_to_disk``: memory-mapped where it lies."""

from pathlib import Path
from typing import Any

from datasets import load_from_disk
from pyarrow import ArrowException

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
        try:
            loaded = load_from_disk(str(data))
        except (OSError, ValueError, KeyError, TypeError, ArrowException) as error:
            raise UnreadableFile(
                f"`{data}` looks like a saved dataset, but does not open",
                found=" ".join(str(error).split())[:200],
                expected="a complete directory as `save_to_disk` writes it",
                fix="save the dataset again",
            ) from error
        return from_datasets(loaded, source=str(data))
