"""The cache lists what is its own, keeps to its size, and never removes what is used or not its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crosstune.core import cache
from crosstune.core.cache import MARK, Hold, hold_for_good, room, temporary_dir
from crosstune.core.cache_entries import NotACache, make_room, manage, remove, report
from crosstune.core.errors import BadValue
from crosstune.core.files import write_json

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Write a finished pass of some size and age into a cache of its own."""
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CROSSTUNE_CACHE_SIZE", raising=False)

    def write(number: int, *, days: float = 0.0, size: int = 1000, kind: str = "features") -> Path:
        folder = room(kind) / f"{number:032x}"
        folder.mkdir()
        (folder / "blocks.npy").write_bytes(b"\0" * size)
        write_json(folder / "about.json", {"model": "m", "examples": 1234})
        os.utime(folder, (time.time() - 86_400 * days,) * 2)
        return folder

    return write


def left() -> list[int]:
    return sorted(int(entry.path.name, 16) for entry in report().entries)


def test_every_entry_is_listed_with_what_it_is_the_oldest_last(put: Put, tmp_path: Path) -> None:
    put(1, days=3)
    put(2, kind="activations", size=5000)
    table = room("tables") / f"{3:032x}.arrow"
    table.write_bytes(b"arrow")
    write_json(table.with_suffix(".about.json"), {"data": "reviews.csv"})
    os.utime(table, (time.time() - 3600,) * 2)
    found = report()
    assert [(entry.kind, entry.about) for entry in found.entries] == [
        ("activations", "m, 1,234 examples"), ("table", "reviews.csv"), ("frozen pass", "m, 1,234 examples"),
    ]  # fmt: skip
    assert found.total == sum(entry.bytes for entry in found.entries) > 6000
    assert found.entries[2].age == pytest.approx(3 * 86_400, abs=60)
    assert (found.place, found.limit) == (tmp_path / "cache", 50_000_000_000)
    assert found.to_json()["entries"][1]["about"] == "reviews.csv"


def test_clear_removes_all_or_the_old_or_the_oldest_down_to_a_size(put: Put) -> None:
    for number in (1, 2, 3, 4):
        put(number, days=number)
    assert [entry.path.name[-1] for entry in manage(clear=True, older_than="3.5d").removed] == ["4"]
    assert [entry.path.name[-1] for entry in manage(clear=True, down_to="2.5kB").removed] == ["3"]
    assert left() == [1, 2]
    assert len(manage(clear=True).removed) == 2
    assert left() == []
    assert (room("features") / MARK).is_file()


def test_use_counts_as_age_and_what_is_in_use_stays(put: Put) -> None:
    old, used = put(1, days=9), put(2, days=9)
    Hold(used).close()
    assert manage(clear=True, older_than="1d").removed[0].path == old
    hold = Hold(used)
    done = remove()
    assert (done.removed, [entry.path for entry in done.in_use]) == ((), [used])
    hold.close()
    assert [entry.path for entry in remove().removed] == [used]


def test_a_hold_ends_with_what_it_is_tied_to_and_none_is_taken_of_nothing(put: Put, tmp_path: Path) -> None:
    class Features:
        """Stands for an opened pass."""

    features: Features | None = Features()
    Hold(put(1)).tied_to(features)
    assert len(remove().in_use) == 1
    features = None
    assert len(remove().removed) == 1
    Hold(tmp_path / "cache" / "features" / "gone").close()
    assert not (tmp_path / "cache" / "features" / "gone").exists()


def test_what_another_process_holds_stays_until_that_is_killed(put: Put) -> None:
    folder = put(1, days=2)
    code = """
import sys, time, pathlib, crosstune.core.cache as cache
hold = cache.Hold(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert [entry.path for entry in remove().in_use] == [folder]
        other.kill()
        other.wait()
    assert [entry.path for entry in remove().removed] == [folder]


def test_the_oldest_unused_make_room_and_nothing_fails_where_that_is_not_enough(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE_SIZE", "4kB")
    held = Hold(put(1, days=9))
    put(2, days=5)
    put(3, days=1)
    make_room(1500)
    assert left() == [1, 3]
    make_room(100_000)
    assert left() == [1]
    held.close()
    monkeypatch.setenv("CROSSTUNE_CACHE_SIZE", "none")
    make_room(10_000)
    assert left() == [1]
    assert report().limit is None


def test_what_is_not_ours_is_neither_listed_nor_removed(put: Put, tmp_path: Path) -> None:
    put(1)
    for name in ("mine.txt", "features/mine.txt", f"features/{7:032x}x/a", "other/a"):
        (tmp_path / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / name).write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("mine")
    (tmp_path / "cache" / "features" / f"{8:032x}").symlink_to(outside)
    assert len(remove().removed) == 1
    assert (
        len(
            [
                path
                for path in (tmp_path / "cache").rglob("*")
                if path.is_file() and path.read_text() == "mine"
            ]
        )
        == 4
    )
    assert (outside / "a").exists()


def test_a_folder_that_does_not_look_like_the_cache_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path))
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / f"{1:032x}").mkdir()
    (tmp_path / "features" / "thesis.tex").write_text("years of work")
    with pytest.raises(NotACache, match="features"):
        remove()
    assert report().entries == ()
    assert (tmp_path / "features" / f"{1:032x}").exists()


def test_unfinished_entries_of_living_processes_stay_and_of_dead_ones_go(put: Put) -> None:
    names = {os.getpid(): "a", 2**22 + 1: "b"}  # no process has a number above 2**22
    for process, letter in names.items():
        folder = room("features") / f"{1:032x}.host.{process}.{letter * 8}.partial"
        folder.mkdir()
        os.utime(folder, (time.time() - 7200,) * 2)
    done = remove()
    assert [entry.path.name[-16] for entry in done.removed] == ["b"]
    assert [entry.about for entry in done.in_use] == ["not finished"]


def test_rooms_that_are_read_without_holds_are_held_as_a_whole(put: Put) -> None:
    place = temporary_dir()
    (place / "fresh-abc").mkdir()
    assert len(remove().in_use) == 1
    cache._FOR_GOOD.pop(place).close()
    assert len(remove().removed) == 1
    hold_for_good(room("hub"))
    (room("hub") / "org___name").mkdir()
    assert [entry.about for entry in remove().in_use] == ["org/name"]
    cache._FOR_GOOD.pop(room("hub")).close()


@pytest.mark.parametrize(
    "asked",
    [{"older_than": "1d"}, {"down_to": 5}, {"clear": True, "older_than": "soon"},
     {"clear": True, "down_to": "some"}],
)  # fmt: skip
def test_a_condition_that_is_none_or_stands_alone_is_refused(put: Put, asked: dict[str, object]) -> None:
    put(1)
    with pytest.raises(BadValue):
        manage(**asked)  # type: ignore[arg-type]
    assert left() == [1]
