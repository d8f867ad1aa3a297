"""Input columns in one form: images as ``{"bytes", "path"}`` cells, texts as text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crosstune.data.errors import UnusableColumn
from crosstune.data.problems import BROKEN_ROW, INVALID_UTF8, MISSING_FILE, described
from crosstune.data.store import IMAGE_TYPE, IMAGE_TYPE_LARGE, map_chunks

LONGEST = 16_000_000
"""Characters of a text; the same cap as for cells of CSV files and for text files."""

Made = tuple[Any, list[str | None] | None]
"""The new column (``None``: the old one will do), and ``code|reason`` by row where a cell is broken."""


def image_column(column: pa.ChunkedArray, folder: Path | None) -> Made:
    """Bring paths, bytes or image cells to image cells with absolute paths.

    Args:
        column: a ``pyarrow.ChunkedArray``.
        folder: where relative paths start; ``None`` is the working directory.
    """
    return file_column(column, folder, plural="images", formats="PNG, JPEG"), None


def file_column(
    column: pa.ChunkedArray, folder: Path | None, *, plural: str, formats: str
) -> pa.ChunkedArray | None:
    """Make cells of bytes and path; ``None`` where the column has them already, with absolute paths.

    Raises ``UnusableColumn``, which speaks of ``plural`` and ``formats``.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    base = (folder or Path.cwd()).absolute()
    if pa.types.is_struct(kind):
        return _from_structs(column, base)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        target = IMAGE_TYPE if pa.types.is_binary(kind) else IMAGE_TYPE_LARGE
        return map_chunks(
            column,
            lambda chunk: pa.StructArray.from_arrays(
                [chunk, pa.nulls(len(chunk), pa.string())], fields=list(target)
            ),
        )
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return map_chunks(column, lambda chunk: _cells(_absolute(chunk.to_pylist(), base)))
    raise UnusableColumn(
        f"not {plural}",
        found=f"values of type {kind}",
        expected="paths, encoded bytes, or {bytes, path} cells",
        fix=f"store the {plural} as files or as encoded bytes ({formats})",
    )


def _from_structs(column: pa.ChunkedArray, base: Path) -> pa.ChunkedArray | None:
    """Make relative paths absolute where a cell has no bytes; cells with bytes stay as they are."""
    without = pc.is_null(pc.struct_field(column, "bytes"))
    exact = column.type in {IMAGE_TYPE, IMAGE_TYPE_LARGE}
    if exact and not pc.any(without).as_py():
        return None

    def absolute(chunk: pa.Array) -> pa.Array:
        content = chunk.field("bytes")
        paths = _absolute(chunk.field("path").cast(pa.string()).to_pylist(), base)
        content = content if pa.types.is_large_binary(content.type) else content.cast(pa.binary())
        fields = list(IMAGE_TYPE_LARGE if pa.types.is_large_binary(content.type) else IMAGE_TYPE)
        missing = pc.is_null(chunk)
        return pa.StructArray.from_arrays(
            [content, pa.array(paths, pa.string())], fields=fields, mask=missing
        )

    return map_chunks(column, absolute)


def _absolute(paths: list[str | None], base: Path) -> list[str | None]:
    # Text, not pathlib: a million paths in a second. `base / absolute` is the absolute path, as here.
    start = f"{base}/"
    return [
        path if not path or path.startswith("/") or "://" in path else _joined(start, path, base)
        for path in paths
    ]


def _joined(start: str, path: str, base: Path) -> str:
    return str(base / path) if "\\" in path or ":" in path else start + path.strip()


def file_cells(paths: Sequence[str]) -> Made:
    """Make cells of files at absolute paths; a name that is not UTF-8 cannot be kept."""
    odd = [not path.isascii() and printable(path) != path for path in paths]
    reason = described(MISSING_FILE, "the name of the file is not UTF-8")
    return _cells([printable(path) for path in paths]), [reason if one else None for one in odd]


def printable(text: str) -> str:
    """Write a name whose bytes are not UTF-8 so that it can be stored and shown."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _cells(paths: Sequence[str | None]) -> pa.Array:
    return pa.StructArray.from_arrays(
        [pa.nulls(len(paths), pa.binary()), pa.array(paths, pa.string())], fields=list(IMAGE_TYPE)
    )


def text_column(column: pa.ChunkedArray, folder: Path | None) -> Made:  # noqa: ARG001 - one form for both kinds
    """Bring a column to valid text; bytes that are not UTF-8 are replaced and named as problems."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
        return column, None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        if _valid(column):
            return _short(column)
        binary = pa.large_binary() if pa.types.is_large_string(kind) else pa.binary()
        return _decoded(column.cast(binary))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _decoded(column)
    if pa.types.is_null(kind):
        return column.cast(pa.string()), None
    raise UnusableColumn(
        "not texts",
        found=f"values of type {kind}",
        expected="texts",
        fix="name a column of texts with --input, or write the values as text",
    )


def texts_of_files(paths: Sequence[str]) -> Made:
    """Read text files, each up to ``LONGEST`` bytes."""
    found = [_text_of(Path(path)) for path in paths]
    return pa.array([text for text, _ in found], pa.large_string()), [problem for _, problem in found]


def _text_of(path: Path) -> tuple[str, str | None]:
    try:
        if path.stat().st_size > LONGEST:
            return "", described(BROKEN_ROW, f"the file is larger than {LONGEST:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        return "", described(MISSING_FILE, error.strerror or "")
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        return "", described(INVALID_UTF8, f"byte {error.start + 1} of the file is not UTF-8")


def _short(column: pa.ChunkedArray) -> Made:
    """Name texts that are longer than any that is read; no tokenizer should meet one."""
    lengths = pc.utf8_length(column)
    if (pc.max(lengths).as_py() or 0) <= LONGEST:
        return None, None
    reason = described(BROKEN_ROW, f"a text of more than {LONGEST:,} characters")
    return None, [reason if (length or 0) > LONGEST else None for length in lengths.to_pylist()]


def _valid(column: pa.ChunkedArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decoded(column: pa.ChunkedArray) -> Made:
    problems: list[str | None] = []
    texts: list[str | None] = []
    for content in column.to_pylist():
        problem = None
        try:
            text = None if content is None else content.decode()
        except UnicodeDecodeError as error:
            text = content.decode("utf-8", "replace")
            problem = described(INVALID_UTF8, f"byte {error.start + 1} of the text is not UTF-8")
        texts.append(text)
        problems.append(problem)
    return pa.array(texts, pa.large_string()), problems
