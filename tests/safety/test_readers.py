"""Any bytes and any table lead to data or to a ``UserError``, and what was written is what is read."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crosstune.core.errors import UserError
from crosstune.data.errors import UnreadableFile
from crosstune.data.read import read
from tests.data.making import png
from tests.safety.tables import columns, damaged, outcome, written

few = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

SOUND = b'text,label\n"good, film",1\nbad,0\n"say ""no""",1\nweak,0\n'
CELLS = st.text(st.sampled_from('ab,;\t"\n\r\x00\x1b\ufeffé\u2028=0'), max_size=8)


@few
@given(st.binary(max_size=80) | damaged(SOUND), st.sampled_from([".csv", ".tsv"]))
@example(b"", ".csv")
@example(b"\xff\xfea", ".csv")
@example(b"\xff\xfe\x00\xd8", ".csv")
@example(b"a,a\n1,2", ".csv")
@example(b'text,label\n"never closed,1\n', ".csv")
def test_delimited_bytes(tmp_path: Path, content: bytes, suffix: str) -> None:
    outcome(written(tmp_path / f"t{suffix}", content))


@few
@given(st.lists(st.tuples(CELLS, st.sampled_from(["x", "y"])), min_size=1, max_size=6))
def test_a_csv_that_was_written_is_read_as_it_was(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("text", "label"), *rows])
    found = read(tmp_path / "t.csv", target="label")
    assert found.items("all").targets() == [label for _, label in rows]
    texts = found.items("all").batch(range(len(rows)))
    assert texts == [text for text, _ in rows]


OBJECTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "label", "x", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["text", "label", "image", "split", "__origin__"]), OBJECTS, max_size=3)
    | OBJECTS,
    max_size=5,
)


@few
@given(ROWS, st.booleans())
def test_json_of_any_shape(tmp_path: Path, rows: list[Any], lines: bool) -> None:
    text = "\n".join(json.dumps(row) for row in rows) if lines else json.dumps(rows)
    outcome(written(tmp_path / ("t.jsonl" if lines else "t.json"), text.encode()))


@few
@given(
    st.binary(max_size=60)
    | damaged(b'{"text": "a", "label": [1, 2.5e3, null]}\n{"text": "b", "label": []}\n'),
    st.sampled_from([".json", ".jsonl"]),
)
@example(b'{"text": "\\ud800", "label": 1}', ".jsonl")
@example(b'{"text": "a", "label": 1e999}', ".jsonl")
def test_json_bytes(tmp_path: Path, content: bytes, suffix: str) -> None:
    outcome(written(tmp_path / f"t{suffix}", content))


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"a":' * 100_000, b'{"text": "a", "label": ' + b"9" * 5000 + b"}",
     b'{"text": ' + b"[" * 900 + b"]" * 900 + b', "label": 1}', b'[{"label": ' + b"9" * 5000 + b"}]"],
    ids=["lists", "objects", "digits", "cell", "digits in a list"],
)  # fmt: skip
def test_json_without_end(tmp_path: Path, content: bytes, suffix: str) -> None:
    outcome(written(tmp_path / f"t{suffix}", content))


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def saved(path: Path, table: pa.Table) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    Dataset(table).save_to_disk(str(path))
    return path


@few
@given(columns())
def test_tables_of_any_type(tmp_path: Path, made: dict[str, pa.Array]) -> None:
    table = pa.table(made)
    outcome(table_frame(table))
    if (dataset := in_memory(table)) is not None:
        outcome(dataset)
    outcome(written(tmp_path / "t.parquet", parquet(table)))


def in_memory(table: pa.Table) -> Dataset | None:
    """Make a dataset, where ``datasets`` knows the types of the columns."""
    try:
        return Dataset(table)
    except ValueError:
        return None


def table_frame(table: pa.Table) -> pd.DataFrame:
    return pd.DataFrame({name: table.column(name).to_pylist() for name in table.column_names}, dtype=object)


def declared_parquet() -> bytes:
    """Make a file with class names in its schema, as ``datasets`` writes it."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    buffer = io.BytesIO()
    Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, 1]}, features=features).to_parquet(buffer)
    return buffer.getvalue()


PARQUET = declared_parquet()


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    assert isinstance(outcome(written(tmp_path / "t.parquet", parquet(twice))), UserError)
    frame = pd.DataFrame([["a", "b"]], columns=["text", "text"])
    assert isinstance(outcome(frame), UserError)
    assert isinstance(outcome(written(tmp_path / "t.csv", b"__origin__,label\n1,2\n")), UserError)


@few
@given(st.binary(max_size=40) | damaged(PARQUET))
@example(PARQUET[:-1])
@example(PARQUET.replace(b"ClassLabel", b"ClassLabe!"))
@example(PARQUET.replace(b'"names"', b'"nam\xffs"'))
def test_parquet_bytes(tmp_path: Path, content: bytes) -> None:
    outcome(written(tmp_path / "t.parquet", content))


@few
@given(st.data())
def test_saved_datasets_with_damaged_files(tmp_path: Path, data: st.DataObject) -> None:
    folder = saved(tmp_path / "saved", pa.table({"text": ["a", "b"], "label": ["x", "y"]}))
    files = sorted(path for path in folder.iterdir() if path.is_file())
    chosen = data.draw(st.sampled_from(files))
    chosen.write_bytes(data.draw(damaged(chosen.read_bytes())))
    outcome(folder)


@pytest.mark.parametrize("change", [
    {"_data_files": [{"filename": "../../outside.arrow"}]},
    {"_data_files": [{"filename": "/outside.arrow"}]},
    {"_data_files": [{"filename": ".."}]}, {"_data_files": 3}, {"_data_files": []},
    {"_format_type": "__import__"}, {"_split": 3},
])  # fmt: skip
def test_a_saved_dataset_that_names_files_elsewhere(tmp_path: Path, change: dict[str, Any]) -> None:
    table = pa.table({"text": ["a", "b"], "label": ["x", "y"]})
    folder = saved(tmp_path / "in" / "saved", table)
    shutil.copy(next(folder.glob("*.arrow")), tmp_path / "outside.arrow")
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(state | change))
    found = outcome(folder)
    if "_data_files" in change:
        assert isinstance(found, UnreadableFile)


FILE_NAMES = st.text(st.sampled_from("ab .-_é\n\x1b=<>\"'&|`$(){}%\\"), min_size=1, max_size=6).filter(
    lambda name: name.strip(".") != ""
)


@few
@given(
    st.dictionaries(
        FILE_NAMES,
        st.lists(
            st.tuples(
                FILE_NAMES,
                st.sampled_from([".png", ".txt", ".PNG", ""]),
                st.sampled_from([png(1), b"", b"text", b"\xff\xfe", png(2)[:40]]),
            ),
            max_size=3,
        ),
        max_size=3,
    )
)
def test_class_folders_of_any_name_and_content(
    tmp_path: Path, classes: dict[str, list[tuple[str, str, bytes]]]
) -> None:
    root = tmp_path / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for folder, files in classes.items():
        (root / folder).mkdir(exist_ok=True)
        for name, suffix, content in files:
            written(root / folder / f"{name}{suffix}", content)
    outcome(root)


@few
@given(
    st.lists(
        st.sampled_from(
            [None, 3, 2.5, "a", b"b", [1], {"x": 1}, object(), pd.NaT, "\ud800", 10**30, {1, 2}, True]
        ),
        min_size=1,
        max_size=4,
    )
)
def test_frames_of_any_objects(values: list[Any]) -> None:
    outcome(pd.DataFrame({"text": ["a"] * len(values), "label": pd.Series(values, dtype=object)}))
    outcome(pd.DataFrame({"text": pd.Series(values, dtype=object), "label": ["a"] * len(values)}))
