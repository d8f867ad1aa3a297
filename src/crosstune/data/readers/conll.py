"""CoNLL files: one word a line, its tag in the last column, an empty line behind every sentence."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.errors import UnreadableFile
from crosstune.data.layout import WHOLE, is_hidden, split_of_file
from crosstune.data.problems import BROKEN_ROW, described
from crosstune.data.readers.base import RawData
from crosstune.data.store import ORIGIN, PROBLEM, from_batches

SUFFIXES = frozenset({".conll", ".iob", ".iob2", ".bio", ".bioes"})
SNIFFED = frozenset({".txt"})
"""Suffixes of files that are taken where their first lines look like words and tags."""

DOCUMENT = "document"
"""The column that numbers documents, where ``-DOCSTART-`` parts them: of use with ``--group document``."""

_TAG = re.compile(r"O|[BIESLU]-\S+")
_FIRST = 200
_ROWS = 10_000
_SCHEMA = pa.schema([
    ("tokens", pa.list_(pa.string())), ("tags", pa.list_(pa.string())), (DOCUMENT, pa.int64()),
    (ORIGIN, pa.string()), (PROBLEM, pa.string()),
])  # fmt: skip


class ConllFiles:
    """One CoNLL file, or a folder with one for each split."""

    name = "CoNLL files"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """A file with one of the suffixes, or a folder in which such files name splits."""
        if not isinstance(data, Path):
            return False
        return is_conll(data) if data.is_file() else data.is_dir() and bool(_named(data))

    def read(self, data: Path) -> RawData:
        """Read one file as one table, or every file that names a split."""
        if data.is_file():
            splits = {WHOLE: read_conll([data], data.parent)}
        else:
            splits = {split: read_conll(paths, data) for split, paths in _named(data).items()}
        return RawData(source=str(data), splits=splits)


def _named(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not is_hidden(path.name) and (split := split_of_file(path)) and is_conll(path):
            found.setdefault(split, []).append(path)
    return found


def is_conll(path: Path) -> bool:
    """Say whether a file is one: by its suffix, or, of a ``.txt``, by its first lines."""
    suffix = path.suffix.lower()
    if suffix not in SNIFFED:
        return suffix in SUFFIXES
    with path.open(encoding="utf-8", errors="replace") as handle:
        lines = [line.split() for line in islice(handle, _FIRST) if line.strip()]
    rows = [cells for cells in lines if cells[0] != "-DOCSTART-"]
    return bool(rows) and all(len(cells) > 1 and _TAG.fullmatch(cells[-1]) for cells in rows)


def read_conll(paths: list[Path], root: Path) -> Dataset:
    """Read CoNLL files into one row for each sentence, with the columns ``tokens`` and ``tags``.

    Columns are parted by tabs or spaces; the first is the word and the last the tag. A line that begins
    with ``#`` and has not the usual number of columns is a comment. A sentence with a line of another number
    of columns stays in the table, with the reason in ``__problem__``.

    Raises:
        UnreadableFile: a file is not UTF-8, or has no line with a word and a tag.

    Checked by: ``tests/data/readers/test_conll.py``.
    """
    size = sum(path.stat().st_size for path in paths)
    found = from_batches(_SCHEMA, _batches(paths, root), paths=paths, size=size, options=("conll",))
    if not len(found):
        raise UnreadableFile(
            f"`{paths[0].name}` holds no sentence",
            found="no line with a word and a tag",
            expected="one word a line with its tag in the last column: `Berlin B-LOC`",
            fix=f"see whether the right files are named: {shown(path.name for path in paths)}",
        )
    if not any(found.with_format("arrow")[:].column(DOCUMENT).to_pylist()):
        found = found.remove_columns([DOCUMENT])
    return found


def _batches(paths: list[Path], root: Path) -> Iterator[pa.RecordBatch]:
    rows: list[tuple[Any, ...]] = []
    for path in paths:
        for row in _sentences(path, path.relative_to(root).as_posix()):
            rows.append(row)
            if len(rows) == _ROWS:
                yield _batch(rows)
                rows = []
    if rows:
        yield _batch(rows)


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    return pa.record_batch(arrays, schema=_SCHEMA)


def _sentences(path: Path, place: str) -> Iterator[tuple[Any, ...]]:
    """Give words, tags, number of the document, origin and problem of each sentence."""
    usual, document = _usual_width(path), 0
    words, tags, first, problem = list[str](), list[str](), 0, ""
    for number, line in enumerate((*_lines(path), ""), start=1):
        cells = line.split()
        if cells and cells[0] == "-DOCSTART-":
            document, cells = document + 1, []
        elif cells and len(cells) != usual and cells[0].startswith("#"):
            continue
        if not cells:
            if words:
                yield words, tags, document, f"{place}:{first}", problem or None
            words, tags, problem = [], [], ""
            continue
        first = first if words else number
        words.append(cells[0])
        tags.append(cells[-1])
        if len(cells) != usual and not problem:
            problem = described(BROKEN_ROW, f"line {number} has {len(cells)} columns, most have {usual}")


def _usual_width(path: Path) -> int:
    counts = Counter(len(line.split()) for line in islice(_lines(path), 1000))
    counts.pop(0, None)
    counts.pop(1, None)  # no word with a tag
    return counts.most_common(1)[0][0] if counts else 2


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as handle:
            yield from handle
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"`{path.name}` is not UTF-8",
            found=str(error)[:200],
            expected="text in UTF-8",
            fix="convert the file, for example with `iconv -f latin1 -t utf-8`",
        ) from None
