"""A dataset on the Hugging Face Hub, by its id."""

import re
from typing import Any

from datasets import load_dataset

from crosstune.core.cache import hold_for_good, room
from crosstune.data.errors import DataNotFound
from crosstune.data.readers.base import RawData
from crosstune.data.readers.memory import from_datasets

_ID = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")


class HubDataset:
    """``org/name`` or ``org/name:configuration``. Loading scripts are never run."""

    name = "Hub dataset"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """Text in the form of a Hub id; the registry asks only where no such path exists."""
        return isinstance(data, str) and _ID.fullmatch(data) is not None

    def read(self, data: str) -> RawData:
        """Download into the cache, or take what is there; raises ``DataNotFound``."""
        name, _, configuration = data.partition(":")
        place = room("hub")
        hold_for_good(place)
        try:
            loaded = load_dataset(name, configuration or None, cache_dir=str(place))
        # OSError covers no connection, no such dataset and gated ones; RuntimeError, loading scripts.
        except (OSError, ValueError, RuntimeError) as error:
            raise DataNotFound(
                f"`{data}` is no path on this machine, and the Hub did not give a dataset of that name",
                found=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
                expected="a file, a folder, or the id of a dataset on the Hub",
                fix="correct the path; for the Hub, check the id, the network, and access rights",
            ) from error
        return from_datasets(loaded, source=data)
