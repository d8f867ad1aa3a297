"""JSONL files (one object a line), and JSON files that hold one list of objects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from datasets import Dataset

from crosstune.core.labels import class_name
from crosstune.core.units import format_bytes
from crosstune.data.errors import UnreadableFile
from crosstune.data.problems import BROKEN_ROW, INVALID_UTF8, described
from crosstune.data.store import ORIGIN, PROBLEM, from_batches

_ROWS = 10_000
_LONGEST = 64_000_000
"""Bytes of one line."""
_LARGEST = 1_000_000_000
"""Bytes of a file that holds one list."""

_Record = tuple[str, dict[str, Any], str | None]
"""Origin, the object, and ``code|reason`` where the line is broken."""

_TYPES = {
    "text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "yes-no": pa.bool_(),
    "spans": pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])),
    "texts": pa.list_(pa.string()), "numbers": pa.list_(pa.float64()), "none": pa.string(),
}  # fmt: skip


def read_json_lines(paths: list[Path], root: Path) -> Dataset:
    """Read files in two passes: the first finds each column's type, the second converts.

    A column whose values disagree becomes text. A line that is no JSON object stays in the table, with
    the reason in the column ``__problem__``.
    """
    kinds: dict[str, str] = {}
    for _, record, _ in _records(paths, root):
        for name, value in record.items():
            kinds[name] = _merge(kinds.get(name, "none"), _kind(value))
    kinds = {name: kind for name, kind in kinds.items() if name not in {ORIGIN, PROBLEM}}
    if not kinds:
        raise UnreadableFile(
            f"`{paths[0].name}` holds no JSON object",
            found="no line that is an object",
            expected='one object a line, such as {"text": "...", "label": "..."}',
            fix="write one JSON object on each line",
        )
    fields = [(name, _TYPES[kind]) for name, kind in kinds.items()]
    schema = pa.schema([*fields, (ORIGIN, pa.string()), (PROBLEM, pa.string())])
    size = sum(path.stat().st_size for path in paths)
    return from_batches(
        schema, _batches(paths, root, kinds, schema), paths=paths, size=size, options=("json",)
    )


def _batches(
    paths: list[Path], root: Path, kinds: dict[str, str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    rows: list[list[Any]] = []
    for origin, record, problem in _records(paths, root):
        rows.append([*(_convert(record.get(name), kind) for name, kind in kinds.items()), origin, problem])
        if len(rows) == _ROWS:
            yield _batch(rows, schema)
            rows = []
    if rows:
        yield _batch(rows, schema)


def _batch(rows: list[list[Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _records(paths: list[Path], root: Path) -> Iterator[_Record]:
    for path in paths:
        place = path.relative_to(root).as_posix()
        if path.suffix.lower() == ".json" and _is_list(path):
            yield from _from_list(path, place)
            continue
        with path.open("rb") as handle:
            for number, line in enumerate(_lines(handle), start=1):
                if len(line) > _LONGEST:
                    yield f"{place}:{number}", {}, described(BROKEN_ROW, f"longer than {_LONGEST:,} bytes")
                    continue
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901 - the byte order mark goes
                if line.strip():
                    yield f"{place}:{number}", *_parse(line)


def _lines(handle: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; of one that is too long only its beginning, so that memory stays bounded."""
    while line := handle.readline(_LONGEST + 1):
        yield line
        while line and len(line) > _LONGEST and not line.endswith(b"\n"):
            line = handle.readline(_LONGEST + 1)


def _is_list(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(1000).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _from_list(path: Path, place: str) -> Iterator[_Record]:
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(
            f"`{path.name}` is one JSON value of {format_bytes(path.stat().st_size)}",
            found="a list that would have to be in memory as a whole",
            expected=f"at most {format_bytes(_LARGEST)}",
            fix="write one object a line and call it .jsonl: those are read piece by piece",
        )
    try:
        records = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(
            f"`{path.name}` is not JSON",
            found=str(error)[:200],
            expected="a list of objects in UTF-8",
            fix="correct the file, or write one object a line and call it .jsonl",
        ) from None
    for number, record in enumerate(records):
        yield f"{place}[{number}]", *_checked(record)


def _parse(line: bytes) -> tuple[dict[str, Any], str | None]:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return {}, described(INVALID_UTF8, f"byte {error.start + 1} of the line is not UTF-8")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {}, described(BROKEN_ROW, f"not JSON: {' '.join(str(error).split())[:160]}")
    return _checked(record)


def _checked(record: object) -> tuple[dict[str, Any], str | None]:
    if not isinstance(record, dict):
        return {}, described(BROKEN_ROW, f"a JSON {type(record).__name__} instead of an object")
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return {}, described(INVALID_UTF8, "an escape that is half a character (a lone surrogate)")
    return record, None


def _kind(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes-no"
    if isinstance(value, int):
        return "integer" if -(2**63) <= value < 2**63 else "text"
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        if any(_is_span(part) for part in value):
            return "spans"
        plain = all(type(part) in {int, float} and abs(part) < 2**53 for part in value)
        return "numbers" if value and plain else "texts"
    return "text"


def _merge(one: str, other: str) -> str:
    kinds = {one, other} - {"none"}
    if len(kinds) < 2:
        return kinds.pop() if kinds else "none"
    if kinds == {"integer", "number"}:
        return "number"
    if kinds == {"texts", "spans"}:
        return "spans"
    return "texts" if kinds == {"texts", "numbers"} else "text"


def _convert(value: object, kind: str) -> object:
    if value is None:
        return None
    if kind in {"text", "none"}:
        return _as_text(value)
    if kind == "spans":
        assert isinstance(value, list)  # noqa: S101 - the first pass made sure
        return [_span(part) for part in value]
    if kind == "texts":
        assert isinstance(value, list)  # noqa: S101 - the first pass made sure
        return [None if part is None else _as_text(part) for part in value]
    return float(value) if kind == "number" else value  # type: ignore[arg-type]


def _is_span(part: object) -> bool:
    """Say whether a part of a list is, or was meant as, a labelled part of a text."""
    if isinstance(part, list):  # `[0, 6, "LOC"]`
        return len(part) == 3 and [type(one) for one in part] == [int, int, str]
    return isinstance(part, dict) and len({"start", "end", "label"} & part.keys()) > 1


def _span(part: object) -> dict[str, object]:
    """Give start, end and label; whatever is of another type is left empty, for the check to name."""
    if isinstance(part, list):
        part = dict(zip(("start", "end", "label"), part, strict=False))
    given = part if isinstance(part, dict) else {}
    found: dict[str, object] = {
        name: given[name] if type(given.get(name)) is int and abs(given[name]) < 2**62 else None
        for name in ("start", "end")
    }
    label = given.get("label")
    return {**found, "label": label if isinstance(label, str) else None}


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return class_name(value)
