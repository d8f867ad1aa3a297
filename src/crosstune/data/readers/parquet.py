"""Parquet files: streamed, with the class names that ``datasets`` writes into the schema."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features

from crosstune.core.errors import shown
from crosstune.data.errors import UnreadableFile
from crosstune.data.store import ORIGIN, PROBLEM, from_batches

_ROWS = 1_000


def read_parquet(paths: list[Path], root: Path) -> Dataset:
    """Read files with equal columns; raises ``UnreadableFile`` for anything that is not Parquet."""
    files = [_open(path) for path in paths]
    schema = files[0].schema_arrow.remove_metadata()
    if len(set(schema.names)) < len(schema.names):
        raise UnreadableFile(
            f"`{paths[0].name}` has more than one column of a name",
            found=shown(schema.names, most=40),
            expected="each name once",
            fix="write the file with other names",
        )
    for path, file in zip(paths, files, strict=True):
        if not file.schema_arrow.remove_metadata().equals(schema):
            raise UnreadableFile(
                f"`{path.name}` and `{paths[0].name}` are parts of one split and differ in columns or types",
                found=str(file.schema_arrow.names),
                expected=str(schema.names),
                fix="write all parts with one schema",
            )
    for name in {ORIGIN, PROBLEM} & set(schema.names):
        schema = schema.remove(schema.get_field_index(name))
    columns = schema.names
    schema = schema.append(pa.field(ORIGIN, pa.string()))
    size = sum(
        file.metadata.row_group(group).total_byte_size
        for file in files
        for group in range(file.num_row_groups)
    )
    batches = _batches(paths, files, root, columns, schema)
    return from_batches(schema, batches, paths=paths, size=size, options=("parquet",))


def declared_names(paths: list[Path]) -> dict[str, tuple[str, ...]]:
    """Return class names by column, where ``datasets`` wrote the parts of a split.

    Raises ``UnreadableFile`` where parts give one number to different classes.
    """
    names = _names_in(paths[0])
    for path in paths[1:]:
        if (others := _names_in(path)) != names:
            unlike = sorted(name for name in {*names, *others} if names.get(name) != others.get(name))
            raise UnreadableFile(
                f"`{path.name}` and `{paths[0].name}` are parts of one split and name classes differently",
                found=f"other class names in {shown(unlike)}",
                expected="one list of class names for each column",
                fix="write all parts with one list of class names, or with the names themselves",
            )
    return names


def _names_in(path: Path) -> dict[str, tuple[str, ...]]:
    schema = _open(path).schema_arrow
    try:
        return class_names(Features.from_arrow_schema(schema))
    except Exception:  # noqa: BLE001 - the note that `datasets` leaves in a schema is JSON that anybody can edit
        return {}


def class_names(features: Features) -> dict[str, tuple[str, ...]]:
    """Return the names of every column of ``ClassLabel``, or of lists of them."""
    inner = {name: getattr(feature, "feature", feature) for name, feature in features.items()}
    return {
        name: tuple(feature.names)
        for name, feature in inner.items()
        if isinstance(feature, ClassLabel) and feature.names
    }


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path, memory_map=True)
        file.schema_arrow.names  # noqa: B018 - the schema is only parsed when it is asked for
        return file
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise UnreadableFile(
            f"`{path.name}` cannot be read as Parquet",
            found=" ".join(str(error).split())[:200],
            expected="a complete Parquet file",
            fix="write the file again, or fetch it again if it came over a network",
        ) from None


def _batches(
    paths: list[Path], files: list[pq.ParquetFile], root: Path, columns: list[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for path, file in zip(paths, files, strict=True):
        place = path.relative_to(root).as_posix()
        row = 1
        try:
            for batch in file.iter_batches(batch_size=_ROWS, columns=columns):
                origins = pa.array(
                    [f"{place}:{row + offset}" for offset in range(batch.num_rows)], pa.string()
                )
                row += batch.num_rows
                arrays = [batch.column(name) for name in columns]
                yield pa.record_batch([*arrays, origins], schema=schema)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(
                f"`{path.name}` breaks off after row {row - 1}",
                found=" ".join(str(error).split())[:200],
                expected="a complete Parquet file",
                fix="write the file again, or fetch it again if it came over a network",
            ) from None
