"""Columns that say which part of a recording a row is about."""

from collections.abc import Collection
from math import isfinite
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from crosstune.data.cells import Made
from crosstune.data.problems import BAD_PART, described
from crosstune.data.store import column, values
from crosstune.data.targets import as_number, is_missing

STARTS, ENDS, LENGTHS = ("start", "offset"), ("end",), ("duration",)
"""Names, in lower case, of columns in seconds. An end or a duration counts only beside a start: a column
``duration`` alone says how long the file is."""

_PART = [("start", pa.float64()), ("end", pa.float64())]
SOUND_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string()), *_PART])
"""How a sound cell is stored; ``start`` and ``end`` are null where the whole file is meant."""

SOUND_TYPE_LARGE = pa.struct([("bytes", pa.large_binary()), ("path", pa.string()), *_PART])

Seconds = list[float | None]


def with_parts(dataset: Dataset, name: str, cells: pa.ChunkedArray | None, taken: Collection[str]) -> Made:
    """Add ``start`` and ``end`` to cells of bytes and path.

    Args:
        dataset: with the columns, if there are any.
        name: the input column.
        cells: its cells; ``None``: they are in the dataset as they should be.
        taken: columns that serve another purpose.

    Checked by: ``tests/data/test_sound_parts.py``.
    """
    found = column(dataset, name) if cells is None else cells
    names = {one.lower(): one for one in dataset.column_names if one not in {name, *taken}}
    start, end, length = (_named(names, words) for words in (STARTS, ENDS, LENGTHS))
    problems: list[str | None] = [None] * len(dataset)
    starts: Seconds = [None] * len(dataset)
    ends: Seconds = [None] * len(dataset)
    own = {field.name for field in column(dataset, name).type} if _has_fields(dataset, name) else set()
    if start is None and {"start", "end"} <= own:
        starts, ends = (_own(dataset, name, field) for field in ("start", "end"))
    if start is not None:
        starts = _seconds(dataset, start, problems)
        if end is not None:
            ends = _seconds(dataset, end, problems)
        elif length is not None:
            lengths = _seconds(dataset, length, problems)
            ends = [
                None if some is None else (first or 0.0) + some
                for first, some in zip(starts, lengths, strict=True)
            ]
    return _joined(found, pa.array(starts, pa.float64()), pa.array(ends, pa.float64())), problems


def _has_fields(dataset: Dataset, name: str) -> bool:
    return bool(pa.types.is_struct(dataset.data.schema.field(name).type))


def _own(dataset: Dataset, name: str, field: str) -> Seconds:
    """Return what the cells themselves say."""
    found: Seconds = pc.struct_field(column(dataset, name), field).cast(pa.float64()).to_pylist()
    return found


def _named(names: dict[str, str], words: tuple[str, ...]) -> str | None:
    return next((names[word] for word in words if word in names), None)


def _seconds(dataset: Dataset, name: str, problems: list[str | None]) -> Seconds:
    """Read a column; what is no number of seconds becomes a problem of its row."""
    found: Seconds = []
    for row, value in enumerate(values(dataset, name)):
        number = None if is_missing(value) else _number(value)
        if number is None and not is_missing(value):
            words = f"`{name}` is `{str(value)[:40]}`, which is no number of seconds"
            problems[row] = problems[row] or described(BAD_PART, words)
        found.append(number)
    return found


def _number(value: Any) -> float | None:  # noqa: ANN401 - a cell of any type
    number = as_number(value)
    return number if number is not None and isfinite(number) else None


def _joined(cells: pa.ChunkedArray, starts: pa.Array, ends: pa.Array) -> pa.ChunkedArray:
    chunks, place = [], 0
    for chunk in cells.chunks:
        rows = slice(place, place + len(chunk))
        large = pa.types.is_large_binary(chunk.type.field("bytes").type)
        fields = [chunk.field("bytes"), chunk.field("path"), starts[rows], ends[rows]]
        kind = SOUND_TYPE_LARGE if large else SOUND_TYPE
        chunks.append(pa.StructArray.from_arrays(fields, fields=list(kind), mask=pc.is_null(chunk)))
        place += len(chunk)
    return pa.chunked_array(chunks, chunks[0].type if chunks else SOUND_TYPE)
