"""Images without classes: one file, or a folder that directly holds them. For predict."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from crosstune.data.layout import WHOLE, is_hidden, is_image
from crosstune.data.readers.base import RawData
from crosstune.data.store import IMAGE_TYPE, ORIGIN, make


class LooseImages:
    """``photo.jpg``, or a folder of photos; there is no target."""

    name = "images without classes"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """An image file, or a folder with an image directly in it."""
        return isinstance(data, Path) and bool(_images(data))

    def read(self, data: Path) -> RawData:
        """List the images in order of their names."""
        paths = _images(data)
        cells = [{"bytes": None, "path": str(path.absolute())} for path in paths]
        table = pa.table({"image": pa.array(cells, IMAGE_TYPE), ORIGIN: [path.name for path in paths]})
        return RawData(source=str(data), splits={WHOLE: make(table)}, inputs=("image",), modality="image")


def _images(data: Path) -> list[Path]:
    if data.is_dir():
        found = (path for path in data.iterdir() if is_image(path.name) and not is_hidden(path.name))
        return sorted(path for path in found if path.is_file())
    return [data] if is_image(data.name) and data.is_file() else []
