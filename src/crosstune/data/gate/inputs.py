"""Every input, looked at once: can it be used, and what is its content hash?"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset

from crosstune.core.progress import Reporter
from crosstune.data.content import digest_bytes, digest_texts
from crosstune.data.images import ImageProblem, inspect, read_bytes
from crosstune.data.problems import parts
from crosstune.data.store import PROBLEM, values
from crosstune.data.threads import each_in_order

_CHUNK = 128

Problem = tuple[str, str]
"""Code and reason."""


@dataclass
class Inputs:
    """What was seen in one split."""

    digests: list[str] = field(default_factory=list)
    problems: dict[int, Problem] = field(default_factory=dict)
    """By row."""
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Images: (width, height) of each good one. Texts: (characters, words) of each good row."""
    treatments: Counter[str] = field(default_factory=Counter)
    """Images: how many needed what to become RGB."""

    def add(self, digest: str, size: tuple[int, int] | None, problem: Problem | None) -> None:
        """Append one row."""
        if problem is not None:
            self.problems[len(self.digests)] = problem
        elif size is not None:
            self.sizes.append(size)
        self.digests.append(digest)


def look_at_images(dataset: Dataset, name: str, reporter: Reporter, *, done: int = 0) -> Inputs:
    """Read and fully decode every image on a few threads; nothing decoded is kept.

    Args:
        dataset: one split.
        name: the column of image cells.
        reporter: told about progress.
        done: rows of other splits that are finished, for the progress.
    """
    cells = dataset.select_columns([name]).with_format("arrow")
    result = Inputs()

    def look(start: int) -> list[tuple[str, tuple[int, int] | None, tuple[str, ...], Problem | None]]:
        # Threads are handed row numbers and fetch the bytes themselves, so that memory stays flat.
        chunk = cells[start : start + _CHUNK].column(name).to_pylist()
        return [_look_at_image(cell) for cell in chunk]

    for rows in each_in_order(look, range(0, len(dataset), _CHUNK)):
        for digest, size, treatments, problem in rows:
            result.add(digest, size, problem)
            result.treatments.update(treatments)
        reporter.advance(done + len(result.digests))
    _known_problems(dataset, result)
    return result


def _look_at_image(
    cell: dict[str, Any] | None,
) -> tuple[str, tuple[int, int] | None, tuple[str, ...], Problem | None]:
    digest = ""
    try:
        content = read_bytes(cell)
        digest = digest_bytes(content)
        facts = inspect(content, cell["path"] if cell else None)
    except ImageProblem as problem:
        return digest, None, (), (problem.code, problem.reason)
    return digest, (facts.width, facts.height), facts.treatments, None


def look_at_texts(dataset: Dataset, names: Iterable[str], reporter: Reporter, *, done: int = 0) -> Inputs:
    """Read every text (or pair); empty ones and those that the reader could not read are problems."""
    columns = [dataset.select_columns([name]).with_format("arrow") for name in names]
    result = Inputs()
    size = 10_000
    for start in range(0, len(dataset), size):
        parts = [column[start : start + size].column(0).to_pylist() for column in columns]
        for row in zip(*parts, strict=True):
            result.add(*_look_at_text(row))
        reporter.advance(done + len(result.digests))
    _known_problems(dataset, result)
    return result


def _look_at_text(row: tuple[str | None, ...]) -> tuple[str, tuple[int, int] | None, Problem | None]:
    digest = digest_texts(row)
    for text in row:
        if not text:
            return digest, None, ("empty-text", "there is no text")
        if not text.strip():
            return digest, None, ("empty-text", "the text is only white space")
    size = (sum(len(text or "") for text in row), sum((text or "").count(" ") + 1 for text in row))
    return digest, size, None


def _known_problems(dataset: Dataset, result: Inputs) -> None:
    """Let what the reader said about a row come first: it is nearer to the cause."""
    if PROBLEM not in dataset.column_names:
        return
    for row, words in enumerate(values(dataset, PROBLEM)):
        if words:
            result.problems[row] = parts(words)


def size_facts(modality: str, sizes: list[tuple[int, int]]) -> dict[str, float]:
    """Summarise sizes: the shorter side of images in pixels, characters and words of texts."""
    if not sizes:
        return {}
    pairs = np.asarray(sizes, dtype=np.float64)
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
