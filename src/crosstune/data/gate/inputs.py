"""Every input, looked at once: can it be used, what is its content, and what does it look like?"""

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.progress import Reporter
from crosstune.data.content import digest_bytes, digest_texts
from crosstune.data.digests import NONE, Digests
from crosstune.data.gate.dhash import COLUMNS, ROWS, THUMB
from crosstune.data.gate.minhash import BANDS, band_keys
from crosstune.data.gate.scripts import scripts_of
from crosstune.data.images import ImageFacts, ImageProblem, examined, read_bytes
from crosstune.data.problems import parts
from crosstune.data.store import PROBLEM, values
from crosstune.data.threads import each_in_order

_CHUNK = 128
_TEXTS = 2_000
_LARGEST = 2**32 - 1

Problem = tuple[str, str]
"""Code and reason."""


@dataclass
class Inputs:
    """What was seen in one split: 100 bytes for each picture, 76 for each text."""

    held: bytearray = field(default_factory=bytearray)
    """The content hash of each row, ``Digests.WIDTH`` bytes."""
    problems: dict[int, Problem] = field(default_factory=dict)
    """By row."""
    measures: "array[int]" = field(default_factory=lambda: array("I"))
    """Three for each row. Images: width, height, bytes of the file. Texts: characters, words, script."""
    prints: bytearray = field(default_factory=bytearray)
    """Images: a thumbnail for each row. Texts: the keys of its bands. Empty where nothing was asked for."""
    treatments: Counter[str] = field(default_factory=Counter)
    """Images: how many needed what to become RGB."""

    def add(self, digest: str, measures: tuple[int, int, int] | None, problem: Problem | None) -> None:
        """Append one row."""
        if problem is not None:
            self.problems[len(self)] = problem
        self.measures.extend(min(number, _LARGEST) for number in measures or (0, 0, 0))
        self.held += bytes.fromhex(digest) or NONE

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.measures) // 3

    def digests(self) -> Digests:
        """Give the content hashes."""
        return Digests(self.held)

    def table(self) -> NDArray[np.uint32]:
        """Give the measures, ``(N, 3)``."""
        return np.frombuffer(self.measures, np.uint32).reshape(-1, 3)

    def good(self) -> NDArray[np.bool_]:
        """Say for each row whether its input can be used."""
        usable = np.ones(len(self), np.bool_)
        usable[list(self.problems)] = False
        return usable

    def thumbnails(self) -> NDArray[np.uint8]:
        """Give the thumbnails of images, ``(N, 72)``."""
        return np.frombuffer(self.prints, np.uint8).reshape(-1, THUMB)

    def bands(self) -> NDArray[np.uint32]:
        """Give the keys of texts, ``(N, BANDS)``."""
        return np.frombuffer(self.prints, np.uint32).reshape(-1, BANDS)


_Look = tuple[str, ImageFacts | None, int, bytes, Problem | None]


def look_at_images(
    dataset: Dataset, name: str, reporter: Reporter, *, done: int = 0, prints: bool = False
) -> Inputs:
    """Read and fully decode every image on a few threads; nothing decoded is kept but tiny thumbnails.

    Args:
        dataset: one split.
        name: the column of image cells.
        reporter: told about progress.
        done: rows of other splits that are finished, for the progress.
        prints: whether thumbnails are made, for finding images that are nearly equal.
    """
    cells = dataset.select_columns([name]).with_format("arrow")
    result = Inputs()

    def look(start: int) -> list[_Look]:
        # Threads are handed row numbers and fetch the bytes themselves, so that memory stays flat.
        chunk = cells[start : start + _CHUNK].column(name).to_pylist()
        return [_look_at_image(cell, prints) for cell in chunk]

    for rows in each_in_order(look, range(0, len(dataset), _CHUNK)):
        for digest, facts, size, thumb, problem in rows:
            result.add(digest, (facts.width, facts.height, size) if facts else None, problem)
            result.prints += thumb
            result.treatments.update(facts.treatments if facts else ())
        reporter.advance(done + len(result))
    _known_problems(dataset, result)
    return result


def _look_at_image(cell: dict[str, Any] | None, prints: bool) -> _Look:
    digest, nothing = "", bytes(THUMB if prints else 0)
    try:
        content = read_bytes(cell)
        digest = digest_bytes(content)
        image, facts = examined(content, cell["path"] if cell else None)
    except ImageProblem as problem:
        return digest, None, 0, nothing, (problem.code, problem.reason)
    return digest, facts, len(content), thumbnail(image) if prints else nothing, None


def thumbnail(image: Image.Image) -> bytes:
    """Shrink an RGB or grey image to 9 x 8 grey pixels; equal pixels give equal bytes."""
    grey = image if image.mode == "L" else image.convert("L")
    return grey.resize((COLUMNS, ROWS), Image.Resampling.BOX).tobytes()


def look_at_texts(
    dataset: Dataset, names: Iterable[str], reporter: Reporter, *, done: int = 0, prints: bool = False
) -> Inputs:
    """Read every text (or pair); empty ones and those that the reader could not read are problems."""
    columns = [dataset.select_columns([name]).with_format("arrow") for name in names]
    result = Inputs()
    for start in range(0, len(dataset), _TEXTS):
        parts = [column[start : start + _TEXTS].column(0).to_pylist() for column in columns]
        rows = list(zip(*parts, strict=True))
        scripts = scripts_of([" ".join(text or "" for text in row) for row in rows]).tolist()
        for row, script in zip(rows, scripts, strict=True):
            result.add(*_look_at_text(row, script))
        if prints:
            result.prints += band_keys([normalised(row) for row in rows]).tobytes()
        reporter.advance(done + len(result))
    _known_problems(dataset, result)
    return result


def _look_at_text(
    row: tuple[str | None, ...], script: int
) -> tuple[str, tuple[int, int, int] | None, Problem | None]:
    digest = digest_texts(row)
    for text in row:
        if not text:
            return digest, None, ("empty-text", "there is no text")
        if not text.strip():
            return digest, None, ("empty-text", "the text is only white space")
    chars, words = sum(len(text or "") for text in row), sum((text or "").count(" ") + 1 for text in row)
    return digest, (chars, words, script), None


def normalised(row: Sequence[str | None]) -> str:
    """Write a text, or a pair, so that width of letters, case and white space make no difference."""
    return "\n".join(_folded(text or "") for text in row)


def _folded(text: str) -> str:
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split())


def _known_problems(dataset: Dataset, result: Inputs) -> None:
    """Let what the reader said about a row come first: it is nearer to the cause."""
    if PROBLEM not in dataset.column_names:
        return
    for row, words in enumerate(values(dataset, PROBLEM)):
        if words:
            result.problems[row] = parts(words)


def size_facts(modality: str, table: NDArray[np.uint32]) -> dict[str, float]:
    """Summarise the measures ``(N, 3)`` of good rows: sides in pixels, or characters and words."""
    if not len(table):
        return {}
    pairs = table[:, :2].astype(np.float64)
    if modality == "image":
        short = pairs.min(axis=1)
        return {
            "image_side_median": float(np.median(short)),
            "image_side_min": float(short.min()),
            "image_side_max": float(pairs.max()),
            "image_width_median": float(np.median(pairs[:, 0])),
            "image_height_median": float(np.median(pairs[:, 1])),
        }
    facts = {}
    for column, name in enumerate(("chars", "words")):
        for quantile, label in ((0.5, "median"), (0.9, "q90"), (0.99, "q99"), (1.0, "max")):
            facts[f"text_{name}_{label}"] = float(np.quantile(pairs[:, column], quantile))
    return facts
