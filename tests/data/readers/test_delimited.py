"""CSV and TSV: what the csv module writes comes back; line numbers; broken rows are named and kept."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.data.errors import UnreadableFile
from crosstune.data.readers.delimited import read_delimited
from crosstune.data.store import ORIGIN, PROBLEM, values
from tests.data.making import write

_CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)


def table(path: Path) -> dict[str, list[Any]]:
    dataset = read_delimited([path], path.parent)
    return {name: values(dataset, name) for name in dataset.column_names}


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(_CELL, _CELL), max_size=8), suffix=st.sampled_from([".csv", ".tsv"]))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, suffix: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t" if suffix == ".tsv" else ",", quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *rows])
    path = write(tmp_path_factory.mktemp("csv") / f"a{suffix}", text.getvalue())
    found = table(path)
    assert list(zip(found["text"], found["label"], strict=True)) == rows
    assert not any(found[PROBLEM])
    lines = path.read_bytes().decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for origin, row in zip(found[ORIGIN], rows, strict=True):
        name, _, line = origin.rpartition(":")
        assert name == path.name
        assert lines[int(line) - 1].startswith(
            '"' + row[0].replace('"', '""').replace("\r", "\n").split("\n")[0]
        )


def test_broken_rows_stay_with_their_line_and_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        b'text,label\n\ngood,1\nonly one\ntoo,many,cells\n"two\nlines",2\nlatin \xe9,3\n'
        b'"bad"x,4\nend,5\n"never\nclosed,6\n',
    )
    found = table(path)
    assert found[ORIGIN] == [
        "a.csv:3",
        "a.csv:4",
        "a.csv:5",
        "a.csv:6",
        "a.csv:8",
        "a.csv:9",
        "a.csv:10",
        "a.csv:11",
        "a.csv:12",
    ]
    assert found["text"][0] == "good"
    assert found["text"][3] == "two\nlines"
    codes = [None if problem is None else problem.split("|")[0] for problem in found[PROBLEM]]
    broken = "broken-row"
    assert codes == [None, broken, broken, None, "invalid-utf8", broken, None, broken, broken]
    assert "never closed; it swallows 1 more lines" in found[PROBLEM][-2]
    assert "swallowed by the quotation mark that opens in line 11" in found[PROBLEM][-1]
    assert found["text"][4] == "latin \ufffd"


def test_every_line_that_a_stray_quotation_mark_swallows_is_a_broken_row(tmp_path: Path) -> None:
    rows = [f"row {number},0" for number in range(50)]
    lines = ["text,label", "before,1", '"unclosed,1', *rows, 'he said "hi" there,0', "after,1"]
    found = table(write(tmp_path / "a.csv", "\n".join(lines) + "\n"))
    good = [origin for origin, problem in zip(found[ORIGIN], found[PROBLEM], strict=True) if problem is None]
    assert good == ["a.csv:2", "a.csv:55"]
    assert len(found[ORIGIN]) == 54
    assert "swallows 51 more lines" in found[PROBLEM][1]


def test_separator_byte_order_mark_and_utf16(tmp_path: Path) -> None:
    expected = {"text": ["a,b"], "label": ["1"]}
    for content in (
        "\ufefftext;label\na,b;1\n".encode(),
        "text;label\r\na,b;1\r\n".encode("utf-16"),
        b'text,label\n"a,b",1',
    ):
        found = table(write(tmp_path / "a.csv", content))
        assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("content", [b"", b"a,a\n1,2\n", b"a,,b\n1,2,3\n"])
def test_a_missing_or_doubled_header_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFile) as error:
        table(write(tmp_path / "a.csv", content))
    assert error.value.code == "unreadable-file"


def test_parts_of_a_split_need_one_header(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.csv", "x,y\n1,2\n"), write(tmp_path / "b.csv", "x,z\n1,2\n")
    with pytest.raises(UnreadableFile, match="parts of one split"):
        read_delimited([one, two], tmp_path)
    dataset = read_delimited([one, write(two, "x,y\n3,4\n")], tmp_path)
    assert values(dataset, "x") == ["1", "3"]
    assert values(dataset, ORIGIN) == ["a.csv:2", "b.csv:2"]
