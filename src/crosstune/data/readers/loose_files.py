"""Files without classes: one of them, or a folder that directly holds them. For predict."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from crosstune.data.kinds.base import Kind
from crosstune.data.layout import WHOLE, is_hidden, suffix_of
from crosstune.data.readers.base import RawData
from crosstune.data.store import IMAGE_TYPE, ORIGIN, make


class LooseFiles:
    """``photo.jpg``, or a folder of photos; there is no target."""

    def __init__(self, kind: Kind) -> None:
        """Read files of one kind."""
        self.kind = kind
        self.name = f"{kind.plural} without classes"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """A file of the kind, or a folder with one directly in it."""
        return isinstance(data, Path) and bool(self._files(data))

    def read(self, data: Path) -> RawData:
        """List the files in order of their names."""
        paths, name = self._files(data), self.kind.column
        cells = [{"bytes": None, "path": str(path.absolute())} for path in paths]
        table = pa.table({name: pa.array(cells, IMAGE_TYPE), ORIGIN: [path.name for path in paths]})
        splits = {WHOLE: make(table)}
        return RawData(source=str(data), splits=splits, inputs=(name,), modality=self.kind.name)

    def _files(self, data: Path) -> list[Path]:
        if data.is_dir():
            found = (path for path in data.iterdir() if self._is_one(path) and not is_hidden(path.name))
            return sorted(path for path in found if path.is_file())
        return [data] if self._is_one(data) and data.is_file() else []

    def _is_one(self, path: Path) -> bool:
        return suffix_of(path.name) in self.kind.suffixes
