"""What is too long or too large is named, and read no further than its cap."""

from pathlib import Path

import pyarrow as pa
import pytest

from crosstune.core import refused
from crosstune.core.errors import RefusedFile
from crosstune.data import cells
from crosstune.data.errors import UnreadableFile
from crosstune.data.problems import BROKEN_ROW
from crosstune.data.read import read
from crosstune.data.readers import delimited, json_lines
from crosstune.data.store import PROBLEM, values


def test_a_line_that_is_too_long_is_set_aside_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "_LONGEST", 60)
    long = '{"text": "' + "a" * 500 + '", "label": 1}'
    sound = '{"text": "b", "label": 2}'
    (tmp_path / "t.jsonl").write_text(f"{sound}\n{long}\n{sound}\n")
    table = read(tmp_path / "t.jsonl").splits["all"]
    assert values(table, "text") == ["b", None, "b"]
    assert [problem is not None for problem in values(table, PROBLEM)] == [False, True, False]
    assert read(tmp_path / "t.jsonl").items("all").origins() == ["t.jsonl:1", "t.jsonl:2", "t.jsonl:3"]


def test_a_list_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_LARGEST", 20)
    (tmp_path / "t.json").write_text('[{"text": "a", "label": 1}]')
    with pytest.raises(UnreadableFile, match="one object a line"):
        read(tmp_path / "t.json")


def test_too_many_columns_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MOST_COLUMNS", 3)
    (tmp_path / "t.csv").write_text("a,b,c,d\n1,2,3,4\n")
    with pytest.raises(UnreadableFile, match="4 columns"):
        read(tmp_path / "t.csv")


def test_a_text_that_is_too_long_is_a_problem_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "LONGEST", 3)
    column = pa.chunked_array([pa.array(["abc", "äöüß", None])])
    made, problems = cells.text_column(column, None)
    assert made is None
    assert problems is not None
    assert [problem and problem.partition("|")[0] for problem in problems] == [None, BROKEN_ROW, None]


@pytest.mark.parametrize("suffix", sorted(refused.PICKLES | refused.ARCHIVES))
def test_files_of_these_kinds_are_refused_by_name(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix.upper()}"
    refused.refuse(path)  # not there: whoever opens it says so
    path.write_bytes(b"x")
    with pytest.raises(RefusedFile, match=f"ending in `{suffix}`"):
        refused.refuse(path)


def test_a_text_that_only_looks_like_a_name_is_let_through() -> None:
    refused.refuse(Path("a" * 5000 + ".pkl"))
    refused.refuse(Path("a\0.zip"))
