"""CoNLL files: sentences, documents, columns, comments, and lines that do not fit."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.data.check import check
from crosstune.data.errors import UnreadableFile
from crosstune.data.read import read
from crosstune.data.readers.conll import is_conll, read_conll
from crosstune.data.store import ORIGIN, PROBLEM

CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
# NN B-NP O

# a comment
German JJ B-NP B-MISC

-DOCSTART- -X- -X- O

Peter NNP B-NP B-PER
Blackburn NNP B-NP I-PER
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_sentences_documents_and_lines(tmp_path: Path) -> None:
    found = read_conll([written(tmp_path / "a.conll", CONLL)], tmp_path)
    assert found["tokens"] == [["EU", "rejects", "#"], ["German"], ["Peter", "Blackburn"]]
    assert found["tags"] == [["B-ORG", "O", "O"], ["B-MISC"], ["B-PER", "I-PER"]]
    assert found["document"] == [1, 1, 2]
    assert found[ORIGIN] == ["a.conll:3", "a.conll:8", "a.conll:12"]
    assert not any(found[PROBLEM])


def test_a_folder_with_a_file_for_each_split(tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        written(tmp_path / f"{name}.txt", f"{name} B-X\n\n. O\n")
    data = read(tmp_path)
    assert list(data.splits) == ["train", "validation", "test"]
    assert (data.tagged, data.inputs, data.target) == (True, ("tokens",), "tags")
    assert data.items("validation").batch([0, 1]) == ["dev", "."]
    assert "document" not in data.splits["train"].column_names


def test_texts_are_no_conll_files(tmp_path: Path) -> None:
    assert not is_conll(written(tmp_path / "a.txt", "This is a text.\nIt has lines.\n"))
    assert not is_conll(written(tmp_path / "b.txt", ""))
    assert is_conll(written(tmp_path / "c.txt", "a\tO\nb\tB-X\n"))


def test_a_line_with_another_number_of_columns_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.conll", "a O\nb B-X\n\nc\nd O\n\ne O\n")
    (bad,) = check(read(path)).bad
    assert (bad.origin, bad.code) == ("a.conll:4", "broken-row")
    assert "line 4 has 1 columns, most have 2" in bad.reason


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a \xff O\n"])
def test_files_that_hold_nothing_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile):
        read_conll([path], tmp_path)


SENTENCES = st.lists(
    st.lists(
        st.tuples(st.text("ab#-.\u00e9", min_size=1, max_size=4), st.sampled_from(["O", "B-X", "I-X"])),
        min_size=1, max_size=4,
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(SENTENCES, st.sampled_from(["\t", " ", "   "]), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[tuple[str, str]]],
    space: str,
    end: str,
) -> None:
    path = tmp_path_factory.mktemp("conll") / "a.conll"
    blocks = [end.join(f"{word}{space}{tag}" for word, tag in one) for one in sentences]
    path.write_bytes((end + end).join(blocks).encode())
    found = read_conll([path], path.parent)
    assert found["tokens"] == [[word for word, _ in one] for one in sentences]
    assert found["tags"] == [[tag for _, tag in one] for one in sentences]
    assert not any(found[PROBLEM])
