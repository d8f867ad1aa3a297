"""JSON is read strictly: what two readers would take for two things is refused."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.errors import DamagedFile
from crosstune.core.files import parse_json, read_json, read_object, write_json


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 2}', "NaN", "[Infinity]", "1e999", "9" * 30, "9" * 5000, "[" * 100_000,
     "[" * 65 + "]" * 65, "", "{", b"\xff", '{"a": {"b": 1, "b": 1}}'],
)  # fmt: skip
def test_what_is_not_strict_is_refused(text: str | bytes) -> None:
    with pytest.raises(DamagedFile, match=r"run/x\.json"):
        parse_json(text, "run/x.json")


def test_depth_and_size_have_caps_and_below_them_all_is_read(tmp_path: Path) -> None:
    assert parse_json("[" * 64 + "]" * 64, "x")
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, 2.5, "b", null, true]}')
    assert read_json(path) == {"a": [1, 2.5, "b", None, True]}
    with pytest.raises(DamagedFile, match="more than 20 B"):
        read_json(path, most=20)
    path.write_text("[1]")
    with pytest.raises(DamagedFile, match="a JSON list instead of an object"):
        read_object(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_what_was_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "round.json"
    try:
        write_json(path, value)
    except UnicodeEncodeError:  # half a character: no file may hold it
        return
    assert read_json(path) == value


@given(st.binary(max_size=40))
def test_any_bytes_give_a_value_or_a_damaged_file(content: bytes) -> None:
    with suppress(DamagedFile):
        parse_json(content, "x")


def test_whoever_can_go_on_without_the_file_catches_a_value_error() -> None:
    assert issubclass(DamagedFile, ValueError)
