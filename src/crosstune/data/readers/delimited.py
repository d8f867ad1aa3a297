"""CSV and TSV files: every cell as typed, every broken row named, line numbers as an editor shows them."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TextIO

import pyarrow as pa
from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.errors import UnreadableFile
from crosstune.data.problems import BROKEN_ROW, INVALID_UTF8, described
from crosstune.data.readers.common_voice import is_common_voice
from crosstune.data.store import ORIGIN, PROBLEM, from_batches

_ROWS = 10_000
_FIELD_LIMIT = 16_000_000
"""Characters of one cell; more is a quote that was never closed."""

_SWALLOWED = "swallowed by the quotation mark that opens in line {}"

MOST_COLUMNS = 10_000

_Row = tuple[int, list[str], str | None]
"""First line of the row, its cells, and ``code|reason`` where it is broken."""


def read_delimited(paths: list[Path], root: Path) -> Dataset:
    """Read delimited files with one header line each into a table of text columns.

    Rows with a wrong number of cells, bad quoting or bytes that are not UTF-8 stay in the table, with
    the reason in the column ``__problem__``. Raises ``UnreadableFile`` for a missing or doubled header.
    """
    headers = {path: _header(path) for path in paths}
    names = headers[paths[0]]
    for path, header in headers.items():
        if header != names:
            raise UnreadableFile(
                f"`{path.name}` and `{paths[0].name}` are parts of one split and have different columns",
                found=shown(header, most=40),
                expected=shown(names, most=40),
                fix="give all parts the same header",
            )
    schema = pa.schema([(name, pa.string()) for name in (*names, ORIGIN, PROBLEM)])
    size = sum(path.stat().st_size for path in paths)
    return from_batches(
        schema, _batches(paths, root, names, schema), paths=paths, size=size, options=("csv", "3")
    )


def _batches(paths: list[Path], root: Path, names: list[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path in paths:
        place = path.relative_to(root).as_posix()
        rows = _rows(path, width=len(names))
        next(rows, None)
        columns: list[list[str | None]] = [[] for _ in schema]
        for line, cells, problem in rows:
            for column, cell in zip(columns, (*cells, f"{place}:{line}", problem), strict=True):
                column.append(cell)
            if len(columns[0]) == _ROWS:
                yield _batch(columns, schema)
                columns = [[] for _ in schema]
        if columns[0]:
            yield _batch(columns, schema)


def _batch(columns: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)


def _opened(path: Path) -> TextIO:
    with path.open("rb") as handle:
        start = handle.read(2)
    if start in {b"\xff\xfe", b"\xfe\xff"}:  # the codec of UTF-16 cannot keep a broken byte as it is
        return path.open(encoding="utf-16", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _rows(path: Path, *, width: int) -> Iterator[_Row]:
    """Yield every row, the header too; a blank line is no row."""
    # The limit belongs to the process; it is only ever raised.
    csv.field_size_limit(max(_FIELD_LIMIT, csv.field_size_limit()))
    with _opened(path) as handle:
        delimiter = _delimiter(path)
        # Common Voice writes its sentences as they are: a quotation mark is a part of one.
        quoting: Literal[0, 3] = csv.QUOTE_NONE if _has_plain_cells(path, delimiter) else csv.QUOTE_MINIMAL
        reader = csv.reader(handle, delimiter=delimiter, strict=True, quoting=quoting)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                last = max(line, reader.line_num)
                for number in range(line, last + 1):  # every line that is lost, not only the first
                    reason = _quoting(str(error), last - line) if number == line else _SWALLOWED.format(line)
                    yield number, [""] * width, described(BROKEN_ROW, reason)
                continue
            if cells:
                yield _tidy(line, cells, width)


def _quoting(error: str, lines: int) -> str:
    if "unexpected end" in error or "field larger" in error:
        return f"a quotation mark that opens here is never closed; it swallows {lines} more lines"
    swallows = f"; a quotation mark that opens here swallows {lines} more lines" if lines else ""
    return f"bad quoting: {error}{swallows}"


def _tidy(line: int, cells: list[str], width: int) -> _Row:
    problem = None
    text = "".join(cells)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            problem = described(INVALID_UTF8, "the row holds bytes that are not UTF-8")
            cells = [cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for cell in cells]
    if width and len(cells) != width:
        problem = described(BROKEN_ROW, f"{len(cells)} cells, but the header has {width}")
        cells = (cells + [""] * width)[:width]
    return line, cells, problem


def _header(path: Path) -> list[str]:
    first = next(_rows(path, width=0), None)
    names = [] if first is None else [name.strip() for name in first[1]]
    if len(names) > MOST_COLUMNS:
        raise UnreadableFile(
            f"the first line of `{path.name}` names too many columns",
            found=f"{len(names):,} columns",
            expected=f"at most {MOST_COLUMNS:,}",
            fix="keep the columns that are needed; numbers by the thousand belong into one column of lists",
        )
    if (
        first is None
        or first[2] is not None
        or not all(names)
        or len({*names, ORIGIN, PROBLEM}) < len(names) + 2
    ):
        raise UnreadableFile(
            f"the first line of `{path.name}` is no header",
            found="nothing" if first is None else shown(names, most=40) or "broken quoting",
            expected=f"column names, each once, none empty, none of them {ORIGIN} or {PROBLEM}",
            fix="write a first line with the column names",
        )
    return names


def _has_plain_cells(path: Path, delimiter: str) -> bool:
    if delimiter != "\t":
        return False
    with _opened(path) as handle:
        return is_common_voice(handle.readline(1_000_000).rstrip("\r\n").split("\t"))


def _delimiter(path: Path) -> str:
    """Tab for ``.tsv``; for ``.csv`` whichever of comma, semicolon, tab the first line has most of."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    with _opened(path) as handle:
        line = handle.readline(1_000_000)
    return max(",;\t", key=line.count)
