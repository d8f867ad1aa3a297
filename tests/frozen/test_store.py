"""Folders of the cache: one owner each, complete or absent, abandoned ones taken over once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosstune.frozen import store
from crosstune.frozen.errors import CacheFull


def _dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def _abandoned(root: Path, key: str, process: int, host: str | None = None) -> Path:
    folder = root / f"{key}.{host or store._host()}.{process}.abcd1234.partial"
    folder.mkdir(parents=True)
    (folder / "content").write_text("half")
    return folder


def test_two_claims_get_two_folders_and_the_first_to_finish_wins(tmp_path: Path) -> None:
    one, two = store.claim(tmp_path, "key"), store.claim(tmp_path, "key")
    assert one != two
    (one / "x").write_text("one")
    (two / "x").write_text("two")
    store.complete(one, tmp_path / "key")
    store.complete(two, tmp_path / "key")
    assert (tmp_path / "key" / "x").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_folder_of_a_dead_process_is_taken_over_once(tmp_path: Path) -> None:
    _abandoned(tmp_path, "key", _dead_process())
    _abandoned(tmp_path, "other", _dead_process())
    one, two = store.claim(tmp_path, "key"), store.claim(tmp_path, "key")
    assert (one / "content").read_text() == "half"
    assert not list(two.iterdir())
    assert f".{os.getpid()}." in one.name


def test_the_folder_of_a_living_process_or_another_host_is_left_alone(tmp_path: Path) -> None:
    _abandoned(tmp_path, "key", os.getppid())
    _abandoned(tmp_path, "key", _dead_process(), host="elsewhere")
    mine = store.claim(tmp_path, "key")
    assert not list(mine.iterdir())
    store.complete(mine, tmp_path / "key")
    assert len(list(tmp_path.glob("*.partial"))) == 2


def test_an_old_folder_of_another_host_is_abandoned(tmp_path: Path) -> None:
    folder = _abandoned(tmp_path, "key", 1, host="elsewhere")
    os.utime(folder / "content", (0, 0))
    assert (store.claim(tmp_path, "key") / "content").read_text() == "half"


def test_a_released_folder_of_this_process_can_be_claimed_again(tmp_path: Path) -> None:
    mine = store.claim(tmp_path, "key")
    (mine / "content").write_text("half")
    assert not list(store.claim(tmp_path, "key").iterdir())
    store.release(mine)
    assert (store.claim(tmp_path, "key") / "content").read_text() == "half"


def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\0" * 10)
    store.reserve(path, 10)
    with pytest.raises(CacheFull, match="free under"):
        store.reserve(path, 1 << 60)
