"""Pictures."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.progress import Reporter
from crosstune.data.cells import Made, file_cells, image_column
from crosstune.data.content import digest_bytes
from crosstune.data.gate.alike_pictures import picture_twins
from crosstune.data.gate.finding import NOTE, Finding
from crosstune.data.gate.inputs import Fetch, Found, Inputs, Origins
from crosstune.data.gate.pictures import look_at_images
from crosstune.data.images import decode, looks_like_image, read_bytes
from crosstune.data.kinds.files import most_are_files
from crosstune.data.layout import IMAGE_SUFFIXES
from crosstune.data.store import column
from crosstune.data.threads import each_in_order

_BIG = 30_000
"""Bytes of an encoded image above which threads pay: Pillow then leaves the interpreter lock alone."""

_TREATMENTS = {
    "rotated": "turned upright as their EXIF data says",
    "transparent": "stripped of their transparency; the colours under it are kept",
    "palette": "converted from a palette to RGB",
    "cmyk": "converted from CMYK to RGB",
    "16-bit": "cut from 16 to 8 bits",
    "animated": "reduced to their first frame",
    "wrong-extension": "read by their content, which is another format than their name says",
}


class Pictures:
    """Images, decoded to upright RGB. Measures of a row: width, height, bytes of the file."""

    name = "image"
    plural = "images"
    column = "image"
    suffixes = IMAGE_SUFFIXES
    in_files = True
    columns: tuple[str, ...] = (
        "image", "images", "img", "picture", "photo", "file_name", "filename", "file", "image_path",
        "filepath", "image_file", "path", "pixels",
    )  # fmt: skip

    def claims(self, kind: pa.DataType, sample: Sequence[Any]) -> bool:
        """Cells with bytes and path; bytes of which some are an image; paths most of which end as images."""
        if pa.types.is_struct(kind):
            return {"bytes", "path"} <= {field.name for field in kind}
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return any(looks_like_image(value) for value in sample)
        return most_are_files(kind, sample, self.suffixes)

    def cells(self, dataset: Dataset, name: str, folder: Path | None, taken: Collection[str]) -> Made:  # noqa: ARG002
        """Make ``{"bytes", "path"}`` cells."""
        return image_column(column(dataset, name), folder)

    def from_files(self, paths: Sequence[str]) -> Made:
        """Name the files; they are opened when they are needed."""
        return file_cells(paths)

    def decoded(self, rows: Sequence[Any]) -> list[Image.Image]:
        """Decode on a few threads where the files are large; raises ``ImageProblem``."""
        encoded = rows[0]["bytes"] if rows[0] else None
        if len(rows) > 1 and (encoded is None or len(encoded) > _BIG):
            return list(each_in_order(decode, rows))
        return [decode(cell) for cell in rows]

    def digest(self, row: Any) -> str:  # noqa: ANN401
        """Hash the bytes of the file."""
        return digest_bytes(read_bytes(row))

    def look(
        self, dataset: Dataset, names: Sequence[str], reporter: Reporter, *, done: int, prints: bool
    ) -> Inputs:
        """Decode every image fully."""
        return look_at_images(dataset, names[0], reporter, done=done, prints=prints)

    def facts(self, table: NDArray[np.uint32]) -> dict[str, float]:
        """Summarise the sides, in pixels."""
        pairs = table[:, :2].astype(np.float64)
        short = pairs.min(axis=1)
        return {
            "image_side_median": float(np.median(short)),
            "image_side_min": float(short.min()),
            "image_side_max": float(pairs.max()),
            "image_width_median": float(np.median(pairs[:, 0])),
            "image_height_median": float(np.median(pairs[:, 1])),
        }

    def properties(self, table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Give the size of the file and of the picture."""
        width, height = table[:, 0], table[:, 1]
        shape = np.stack([width, height, width / np.maximum(height, 1.0)], axis=1)
        return {"the size of the file": table[:, 2], "the width and height of the picture": shape}

    def findings(
        self,
        looks: Sequence[Inputs],
        usable: NDArray[np.bool_],  # noqa: ARG002
        origins: Origins,  # noqa: ARG002
    ) -> list[Finding]:
        """Say how many needed what to become plain RGB."""
        treatments: Counter[str] = sum((look.treatments for look in looks), Counter())
        return [
            Finding(
                severity=NOTE,
                code="image-treatment",
                sentence=f"{count:,} images are {_TREATMENTS[name]}",
                fix="nothing, unless the pictures look wrong: training and predict treat them alike",
            )
            for name, count in sorted(treatments.items())
        ]

    def odd(
        self,
        looks: Sequence[Inputs],  # noqa: ARG002
        usable: NDArray[np.bool_],  # noqa: ARG002
        origins: Origins,  # noqa: ARG002
    ) -> list[Finding]:
        """Nothing: sizes differ in most sets."""
        return []

    def twins(self, inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: Fetch) -> Found:
        """Compare pixels, hashes and thumbnails."""
        return picture_twins(inputs, rows, fetch)
