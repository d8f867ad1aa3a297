"""Arrow tables as ``datasets.Dataset``: in memory where small, memory-mapped from the cache otherwise."""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset
from datasets.table import InMemoryTable, MemoryMappedTable, concat_tables

from crosstune.core.cache import hold_for_good, room
from crosstune.core.cache_entries import make_room
from crosstune.core.files import replacing, write_json
from crosstune.data.errors import UnreadableFile

ORIGIN = "__origin__"
"""Column: file, or file and row, of each example."""

PROBLEM = "__problem__"
"""Column: ``code|reason`` where the reader could not read the row, else null."""

IN_MEMORY = 64_000_000
"""Bytes of source files up to which a table stays in memory; larger ones are memory-mapped."""

_VERSION = "1"

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""How an image cell is stored."""

IMAGE_TYPE_LARGE = pa.struct([("bytes", pa.large_binary()), ("path", pa.string())])


def file_key(paths: Sequence[Path], *options: str) -> str:
    """Hash the content of files and how they are read: the name of their table in the cache."""
    digest = hashlib.blake2b("|".join((_VERSION, *options)).encode(), digest_size=16)
    for path in paths:
        digest.update(f"|{path.name}|".encode("utf-8", "surrogateescape"))
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def from_batches(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    paths: Sequence[Path],
    size: int,
    options: Sequence[str] = (),
) -> Dataset:
    """Make a dataset of record batches that were read from ``paths``.

    Args:
        schema: a ``pyarrow.Schema``.
        batches: read lazily; not read at all where the cache already holds the table.
        paths: the files, whose content names the table in the cache.
        size: bytes that decide between memory and cache.
        options: whatever else the batches depend on.
    """
    if size <= IN_MEMORY:
        return make(pa.Table.from_batches(batches, schema=schema))
    key = file_key(paths, *options)
    target = room("tables") / f"{key}.arrow"
    hold_for_good(target)
    if not target.exists():
        make_room(size)
        write_json(
            target.with_suffix(".about.json"), {"data": str(paths[0].parent if paths[1:] else paths[0])}
        )
        with (
            replacing(target) as temporary,
            pa.OSFile(str(temporary), "wb") as sink,
            pa.ipc.new_stream(sink, schema) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)
    return make(MemoryMappedTable.from_file(str(target)))


def make(table: pa.Table) -> Dataset:
    """Wrap a ``pyarrow.Table`` (or a ``datasets`` table) whose columns are stored as they are."""
    # A fresh fingerprint: hashing the content would read it all, and nothing here uses the cache of `map`.
    try:
        return Dataset(table, fingerprint=uuid.uuid4().hex)
    except (ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise UnreadableFile(
            "the table has a column of a type that cannot be kept",
            found=" ".join(str(error).split())[:200],
            expected="texts, numbers, yes/no, times, bytes, images, or lists and records of them",
            fix="write that column as text, or leave it out",
        ) from error


def plain(dataset: Dataset) -> Dataset:
    """Drop feature decoders: images become ``{"bytes", "path"}`` cells, class labels integers.

    An indices mapping (of ``select``, ``shuffle``) is resolved in memory, without writing a file.
    """
    table = dataset.data
    if dataset._indices is not None:
        table = InMemoryTable(dataset.with_format("arrow")[:])
    return make(table.replace_schema_metadata(None))


def with_column(dataset: Dataset, name: str, values: pa.Array) -> Dataset:
    """Add or replace a column of a plain dataset; the other columns stay where they are.

    Args:
        dataset: a plain table, or rows of one (after ``select``, each at most once).
        name: of the column.
        values: one for each row of ``dataset``.
    """
    table = dataset.data
    if dataset._indices is not None:
        values = _scattered(values, dataset._indices.column(0), len(table))
    if name in table.column_names:
        table = table.drop([name])
    added = InMemoryTable(pa.table({name: values}))
    joined = concat_tables([table, added], axis=1) if table.column_names else added
    return Dataset(joined, indices_table=dataset._indices, fingerprint=uuid.uuid4().hex)


def _scattered(values: pa.Array, rows: pa.ChunkedArray, size: int) -> pa.Array:
    """Put values at the table rows that they belong to; the other rows are null."""
    places = np.full(size, -1, dtype=np.int64)
    places[rows.to_numpy()] = np.arange(len(rows))
    return pa.chunked_array([values] if isinstance(values, pa.Array) else values.chunks, values.type).take(
        pa.array(places, mask=places < 0)
    )


def column(dataset: Dataset, name: str) -> pa.ChunkedArray:
    """Return one column as a ``pyarrow.ChunkedArray``, in row order."""
    return dataset.select_columns([name]).with_format("arrow")[:].column(name)


def values(dataset: Dataset, name: str) -> list[Any]:
    """Return one column as Python values, in row order."""
    result: list[Any] = column(dataset, name).to_pylist()
    return result


def shared_values(dataset: Dataset, name: str) -> list[Any]:
    """Return one column as Python values, of which equal texts are one object: 8 bytes for each row."""
    found = column(dataset, name)
    if not (pa.types.is_string(found.type) or pa.types.is_large_string(found.type)):
        return values(dataset, name)
    result: list[Any] = []
    known: dict[str, str] = {}
    for chunk in found.dictionary_encode().chunks:
        texts = [known.setdefault(text, text) for text in chunk.dictionary.to_pylist()]
        result += [None if place is None else texts[place] for place in chunk.indices.to_pylist()]
    return result


def map_chunks(array: pa.ChunkedArray, function: Callable[[pa.Array], pa.Array]) -> pa.ChunkedArray:
    """Apply a function to every chunk of a ``ChunkedArray``."""
    chunks = [function(chunk) for chunk in array.chunks]
    return pa.chunked_array(chunks) if chunks else pa.chunked_array([function(pa.array([], array.type))])
