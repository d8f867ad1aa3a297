"""Checkpoints are whole or not there: kills at every file event, tampering, full disks."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from crosstune.core import files
from crosstune.core.errors import DiskFull
from crosstune.core.progress import Silent
from crosstune.training import checkpoints
from crosstune.training.checkpoints import KEPT, MANIFEST, flaw, newest, save
from tests.support.chaos import forked


class Heard(Silent):
    """Remembers warnings."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        """Remember."""
        self.warned.append(text)


def put(root: Path, step: int) -> Path:
    content = {"a.bin": b"a" * 1000 + bytes([step]), "b.json": b'{"step": 1}'}
    writers = {name: lambda path, held=held: path.write_bytes(held) for name, held in content.items()}
    return save(root, f"step-{step:09d}", writers, needed=2000)


def test_the_two_newest_stay_and_nothing_else(tmp_path: Path) -> None:
    for step in range(1, 5):
        put(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000003", "step-000000004"]
    assert KEPT == 2
    assert newest(tmp_path, Silent()) == tmp_path / "step-000000004"


def test_a_kill_at_any_file_event_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    def work(root: Path) -> Callable[[], object]:
        return lambda: [put(root, step) for step in range(1, 4)]

    whole = forked(work(tmp_path / "whole"), tmp_path, under=tmp_path / "whole")
    assert whole.code == 0, whole.error
    first = next(
        i for i, event in enumerate(whole.events) if event.startswith("os.rename .tmp-step-000000001")
    )
    for moment in range(len(whole.events)):
        root = tmp_path / str(moment)
        assert forked(work(root), tmp_path, under=root, kill_at=moment).killed
        found = newest(root, Silent())
        assert (found is not None) == (moment > first), whole.events[moment]
        assert found is None or flaw(found) == ""
        again = put(root, 9)  # the next save works, whatever was left behind
        assert newest(root, Silent()) == again
        assert not [path.name for path in root.iterdir() if path.name.startswith(".")]


def flip(path: Path) -> None:
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)


TAMPERING: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "flipped": flip,
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "grown": lambda path: path.write_bytes(path.read_bytes() + b" x"),
}


@pytest.mark.parametrize("name", ["a.bin", "b.json", MANIFEST])
@pytest.mark.parametrize("how", TAMPERING)
def test_what_was_tampered_with_is_set_aside_aloud(name: str, how: str, tmp_path: Path) -> None:
    put(tmp_path, 1)
    damaged = put(tmp_path, 2)
    TAMPERING[how](damaged / name)
    heard = Heard()
    assert newest(tmp_path, heard) == tmp_path / "step-000000001"
    assert len(heard.warned) == 1
    assert "step-000000002 is damaged" in heard.warned[0]
    assert (tmp_path / ".corrupt-step-000000002").is_dir()
    assert put(tmp_path, 2).is_dir()


@pytest.mark.parametrize(
    "text",
    ['{"format": 1, "files": {"../x": {"sha256": "", "size": 0}}}', '{"format": 2, "files": {}}',
     '{"format": 1}', '{"format": 1, "files": {}, "files": {}}', '{"format": NaN, "files": {}}', "[]"],
)  # fmt: skip
def test_a_manifest_that_is_none_is_a_flaw(text: str, tmp_path: Path) -> None:
    folder = put(tmp_path, 1)
    (folder / MANIFEST).write_text(text)
    assert flaw(folder)


def test_too_little_room_is_noticed_before_and_the_older_one_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2):
        put(tmp_path, step)
    monkeypatch.setattr(checkpoints, "free_bytes", lambda _: 10)
    with pytest.raises(DiskFull, match=r"10 bytes free[\s\S]*1,050,576 bytes"):
        put(tmp_path, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000002"]


FULL = OSError(errno.ENOSPC, "No space left on device")
FULL_TOO = RuntimeError("I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("words", [FULL, FULL_TOO])
def test_a_disk_that_fills_up_meanwhile_leaves_the_one_before(words: Exception, tmp_path: Path) -> None:
    put(tmp_path, 1)

    def full(path: Path) -> None:
        path.write_bytes(b"half")
        raise words

    with pytest.raises(DiskFull, match="crosstune resume"):
        save(tmp_path, "step-000000002", {"a.bin": full}, needed=4)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001"]
    assert newest(tmp_path, Silent()) == tmp_path / "step-000000001"


def test_every_atomic_writer_says_that_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.csv"
    path.write_text("old")

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "os", SimpleNamespace(fsync=refuse, getpid=lambda: 1))
    with pytest.raises(DiskFull, match=r"history\.csv"):
        files.write_json(path, {})
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["history.csv"]


def test_json_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ('{"a": 1, "a": 2}', '{"a": NaN}', '{"a": Infinity}', "{"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"twice|JSON|Expecting"):
            files.read_json(path)
    path.write_text(json.dumps({"a": [1, None]}))
    assert files.read_json(path) == {"a": [1, None]}
