"""The parsers of `benchmarks/fetch`: idx files, PNG, ratings, halves, archives, and running it twice."""

import io
import struct
import subprocess
import sys
import tarfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fetch"


def load() -> ModuleType:
    loader = SourceFileLoader("benchmarks_fetch", str(SCRIPT))
    spec = spec_from_loader("benchmarks_fetch", loader)
    assert spec is not None
    module = module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


fetch = load()


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.integers(0, 255))
def test_idx_reads_what_was_written(shape: list[int], value: int) -> None:
    values = np.full(shape, value, dtype=np.uint8)
    assert fetch.parse_idx(idx(values)) == (tuple(shape), values.tobytes())


@given(st.binary(max_size=40))
def test_any_other_bytes_are_refused_in_words(raw: bytes) -> None:
    try:
        shape, values = fetch.parse_idx(raw)
    except fetch.FetchError:
        return
    assert int(np.prod(shape, dtype=object)) == len(values)


def test_png_is_read_back_by_pillow() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8)
    with Image.open(io.BytesIO(fetch.png(pixels.tobytes(), 7, 5))) as picture:
        picture.load()
        assert (np.asarray(picture) == pixels).all()


def test_parquet_holds_pictures_and_names_in_small_row_groups(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2100, 2, 3), dtype=np.uint8)
    labels = np.arange(2100, dtype=np.uint8) % 10
    path = tmp_path / "train.parquet"
    path.write_bytes(fetch.as_parquet(idx(pictures), idx(labels)))
    file = parquet.ParquetFile(path)
    assert file.num_row_groups == 3
    row = file.read().slice(19, 1).to_pylist()[0]
    assert row["label"] == "Ankle boot"
    assert row["image"]["path"] is None
    with Image.open(io.BytesIO(row["image"]["bytes"])) as picture:
        assert (np.asarray(picture) == pictures[19]).all()
    with pytest.raises(fetch.FetchError, match="2100 pictures but 2099 labels"):
        fetch.as_parquet(idx(pictures), idx(labels[:-1]))


def test_ratings_are_unescaped_and_keep_their_group() -> None:
    text = "1_1\t-0.9\tthis &amp; that\r\n1_2\t3.5\t&quot;tabs&quot; no, \x85 yes\r\n\r\n2_1\t0\t:)\r\n"
    rows = fetch.parse_ratings(text, grouped=True)
    assert rows[0] == {"id": "1_1", "text": "this & that", "rating": "-0.9", "group": "1"}
    assert rows[1]["text"] == '"tabs" no, \x85 yes'
    assert [row["group"] for row in rows] == ["1", "1", "2"]
    assert "group" not in fetch.parse_ratings(text, grouped=False)[0]


def test_all_bad_lines_are_reported_at_once() -> None:
    text = "a\t9\tx\nb\t1\nc\tnan\tx\nd\t1\t&#32;\ne\t1\tgood\ne\t1\tagain\n"
    with pytest.raises(fetch.FetchError) as caught:
        fetch.parse_ratings(text, grouped=False)
    for part in (
        "line 1: the rating 9",
        "line 2: 2 fields",
        "line 3",
        "line 4: the text is empty",
        "the id e",
    ):
        assert part in str(caught.value)
    with pytest.raises(fetch.FetchError, match="not GROUP_SENTENCE"):
        fetch.parse_ratings("7\t1\tx\n", grouped=True)


def test_halves_keep_groups_together_and_do_not_depend_on_the_run() -> None:
    rows = [
        {"id": f"{i}_{j}", "text": "x", "rating": "0", "group": str(i)} for i in range(40) for j in range(3)
    ]
    train, test = fetch.halves(rows)
    assert len(train) == len(test) == 60
    assert not {row["group"] for row in train} & {row["group"] for row in test}
    assert fetch.halves(rows) == (train, test)
    plain = [{"id": str(i), "text": "x", "rating": "0"} for i in range(9)]
    assert [len(part) for part in fetch.halves(plain)] == [4, 5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Press 1, then 20.", "Press one , then two zero ."),
        ("at [@]", "at"),
        ("[ascending tones]", ""),
    ],
)
def test_transcripts_are_written_as_they_are_said(text: str, expected: str) -> None:
    assert fetch.spoken(text) == expected


def test_prompts_are_those_that_are_there_and_say_something() -> None:
    text = "; a comment: here\n\nhello: Hello.\nbeep: [a beep]\ndigits/1: one\ngone: Gone.\n"
    found = fetch.parse_prompts(text, {"hello.wav", "beep.wav", "digits/1.wav"})
    assert found == [
        {"path": "en/hello.wav", "text": "Hello.", "kind": "sentences"},
        {"path": "en/digits/1.wav", "text": "one", "kind": "digits"},
    ]


def test_csv_quotes_what_needs_it() -> None:
    raw = fetch.as_csv([{"id": "1", "text": 'a, "b"', "rating": "0.5"}])
    assert raw == b'id,text,rating\n1,"a, ""b""",0.5\n'


def archive(path: Path, name: str, size: int = 3) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        member = tarfile.TarInfo(name)
        member.size = size
        opened.addfile(member, io.BytesIO(b"x" * size))
    return path


def test_archives_cannot_write_outside_or_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch.extract(archive(tmp_path / "good.tar.gz", "a/b.txt"), tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b.txt").read_text() == "xxx"
    with pytest.raises(tarfile.OutsideDestinationError):
        fetch.extract(archive(tmp_path / "bad.tar.gz", "../evil.txt"), tmp_path / "out")
    monkeypatch.setattr(fetch, "MOST_BYTES", 2)
    with pytest.raises(fetch.FetchError, match="more than 2 bytes"):
        fetch.extract(tmp_path / "good.tar.gz", tmp_path / "out")


def test_a_second_run_does_nothing_and_a_changed_file_is_brought_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def bring(_temporary: Path) -> list[tuple[str, bytes]]:
        calls.append(1)
        return [("a/train.csv", b"one"), ("a/test.csv", b"two")]

    monkeypatch.setitem(fetch.FETCHERS, "sentiment", bring)
    for expected in (1, 1):
        assert fetch.main(["--only", "sentiment", "--data", str(tmp_path)]) == 0
        assert len(calls) == expected
    assert "already there" in capsys.readouterr().out
    (tmp_path / "sentiment" / "a" / "test.csv").write_bytes(b"changed")
    assert fetch.main(["--only", "sentiment", "--data", str(tmp_path)]) == 0
    assert len(calls) == 2
    assert (tmp_path / "sentiment" / "a" / "test.csv").read_bytes() == b"two"


def test_a_missing_program_and_a_wrong_file_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(fetch.FetchError, match="not installed here"):
        fetch.run(["no-such-program-here"], folder=tmp_path, needs="it")
    with pytest.raises(fetch.FetchError, match="is not the known file"):
        fetch.check_sha256("x", b"y", "0" * 64)
    monkeypatch.setitem(fetch.FETCHERS, "sentiment", lambda _folder: fetch.only_match(tmp_path, "*.gz"))
    assert fetch.main(["--only", "sentiment", "--data", str(tmp_path)]) == 1
    assert "expected one file" in capsys.readouterr().err


def test_help_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    assert "--only" in done.stdout
