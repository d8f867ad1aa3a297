"""Hostile tables and bytes, and the one promise about them: data, or a ``UserError`` that says why not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from crosstune.core.errors import UserError
from crosstune.data.check import check
from crosstune.data.infer import infer_task
from crosstune.data.labelled import LabelledData
from crosstune.data.read import read
from crosstune.data.splits import make_splits

NAMES = (
    "text",
    "label",
    "image",
    "target",
    "split",
    "sentence1",
    "sentence2",
    "",
    " ",
    "a",
    "é",
    "__origin__",
)
"""Column names that mean something to the readers, and some that should not."""


def outcome(data: Any, **options: Any) -> LabelledData | UserError:
    """Read, infer, check and split ``data``; any exception but a ``UserError`` goes up."""
    try:
        found = read(data, **options)
        for split in found.splits:
            items = found.items(split)
            assert len(items.origins()) == len(items)
        report = check(found)
        if not report.errors and found.target is not None:
            name, _ = infer_task(found)
            make_splits(report.clean(), task=name, seed=0, group=found.group)
    except UserError as error:
        if not (error.found and error.expected and error.fix):
            raise AssertionError(f"an error that says too little: {error}") from error
        return error
    return found


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Draw a sound file with bytes flipped, a part cut out, put in or repeated."""
    places = st.integers(0, max(0, len(content) - 1))

    def change(edits: Sequence[tuple[int, int, bytes]]) -> bytes:
        made = content
        for place, length, new in edits:
            made = made[:place] + new + made[place + length :]
        return made

    edit = st.tuples(places, st.integers(0, 8), st.binary(max_size=8))
    return st.lists(edit, min_size=1, max_size=4).map(change)


def cell(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a struct."""
    return st.fixed_dictionaries(parts)


def columns() -> st.SearchStrategy[dict[str, pa.Array]]:
    """Draw columns of equal length and of every type that a table file may bring."""
    values: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
        (pa.string(), st.text(max_size=8)),
        (pa.large_string(), st.text(max_size=8)),
        (pa.binary(), st.binary(max_size=8)),
        (pa.large_binary(), st.binary(max_size=8)),
        (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
        (pa.uint8(), st.integers(0, 255)),
        (pa.float64(), st.floats()),
        (pa.float16(), st.floats(width=16)),
        (pa.bool_(), st.booleans()),
        (pa.null(), st.none()),
        (pa.date32(), st.dates()),
        (pa.timestamp("us"), st.datetimes()),
        (pa.duration("s"), st.timedeltas().map(lambda time: int(time.total_seconds()))),
        (pa.decimal128(10, 2), st.decimals(-(10**7), 10**7, places=2)),
        (pa.list_(pa.string()), st.lists(st.text(max_size=4), max_size=3)),
        (pa.list_(pa.float64()), st.lists(st.floats(), max_size=3)),
        (pa.list_(pa.list_(pa.int64())), st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2)),
        (pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
         cell(bytes=st.none() | st.binary(max_size=6), path=st.none() | st.text(max_size=6))),
        (pa.struct([("bytes", pa.string()), ("path", pa.int64())]),
         cell(bytes=st.text(max_size=3), path=st.integers(0, 9))),
        (pa.struct([("x", pa.int64())]), cell(x=st.integers(0, 9))),
        (pa.map_(pa.string(), pa.int64()),
         st.lists(st.tuples(st.text(max_size=3), st.integers(0, 9)), max_size=2)),
        (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["x", "y"])),
    ]  # fmt: skip

    def column(rows: int) -> st.SearchStrategy[pa.Array]:
        return st.sampled_from(values).flatmap(
            lambda kind: st.lists(st.none() | kind[1], min_size=rows, max_size=rows).map(
                lambda cells: pa.array(cells, kind[0])
            )
        )

    names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)
    return st.tuples(st.integers(0, 6), names).flatmap(
        lambda drawn: st.fixed_dictionaries({name: column(drawn[0]) for name in drawn[1]})
    )


def written(path: Path, content: bytes) -> Path:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
