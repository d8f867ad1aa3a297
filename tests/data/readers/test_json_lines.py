"""JSONL: values come back with one type for each column; broken lines are named and kept."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.data.errors import UnreadableFile
from crosstune.data.readers.json_lines import read_json_lines
from crosstune.data.store import ORIGIN, PROBLEM, values
from tests.data.making import write

_VALUE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.lists(st.text(max_size=3))
)


def table(path: Path) -> dict[str, list[Any]]:
    dataset = read_json_lines([path], path.parent)
    return {name: values(dataset, name) for name in dataset.column_names}


def jsonl(*records: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(record) for record in records)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), _VALUE | st.dictionaries(st.text(), _VALUE)), min_size=1)
)
def test_every_object_is_one_row(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    path = write(tmp_path_factory.mktemp("json") / "a.jsonl", jsonl(*records))
    if not any(records):
        with pytest.raises(UnreadableFile):
            table(path)
        return
    found = table(path)
    assert found[ORIGIN] == [f"a.jsonl:{line}" for line in range(1, len(records) + 1)]
    for name in set(found) - {ORIGIN, PROBLEM}:
        for record, value, problem in zip(records, found[name], found[PROBLEM], strict=True):
            assert (value is None) == (record.get(name) is None or problem is not None)


def test_types_are_kept_and_mixed_columns_become_text(tmp_path: Path) -> None:
    found = table(
        write(
            tmp_path / "a.jsonl",
            jsonl(
                {"i": 1, "f": 1, "s": "x", "m": 3, "l": ["a", "b"], "b": True, "big": 2**70},
                {"i": 2, "f": 0.5, "s": None, "m": "y", "l": [], "b": False, "big": 1},
            ),
        )
    )
    assert found["i"] == [1, 2]
    assert found["f"] == [1.0, 0.5]
    assert found["s"] == ["x", None]
    assert found["m"] == ["3", "y"]
    assert found["l"] == [["a", "b"], []]
    assert found["b"] == [True, False]
    assert found["big"] == [str(2**70), "1"]


def test_broken_lines_stay_with_their_reason(tmp_path: Path) -> None:
    content = (
        b'\xef\xbb\xbf{"text": "a"}\n\n{"text": \n[1]\n{"text": "\xe9"}\n{"text": "\\ud800"}\n{"text": "b"}\n'
    )
    found = table(write(tmp_path / "a.jsonl", content))
    assert found["text"] == ["a", None, None, None, None, "b"]
    assert found[ORIGIN] == [f"a.jsonl:{line}" for line in (1, 3, 4, 5, 6, 7)]
    codes = [problem and problem.split("|")[0] for problem in found[PROBLEM]]
    assert codes == [None, "broken-row", "broken-row", "invalid-utf8", "invalid-utf8", None]


def test_a_json_list_is_read_too(tmp_path: Path) -> None:
    found = table(write(tmp_path / "a.json", json.dumps([{"text": "a"}, {"text": "b"}])))
    assert found["text"] == ["a", "b"]
    assert found[ORIGIN] == ["a.json[0]", "a.json[1]"]
    with pytest.raises(UnreadableFile):
        table(write(tmp_path / "a.json", "[1, 2"))


def test_deep_nesting_is_no_crash(tmp_path: Path) -> None:
    found = table(write(tmp_path / "a.jsonl", '{"text": "a"}\n' + "[" * 200_000 + "\n"))
    assert found[PROBLEM][1].startswith("broken-row|")
