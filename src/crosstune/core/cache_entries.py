"""What lies in the cache, and how it is made smaller: the oldest first, never what is in use."""

import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crosstune.core.cache import MARK, ROOMS, TakenAway, limit, lock_of, marked, ours
from crosstune.core.errors import BadValue, DamagedFile, UserError
from crosstune.core.files import read_object
from crosstune.core.run_dir import cache_dir
from crosstune.core.units import parse_bytes, parse_duration

KINDS = {
    "features": "frozen pass",
    "activations": "activations",
    "tables": "table",
    "hub": "Hub dataset",
    "temporary": "temporary",
}
_SMALL = 1_000_000
_STALE = 3600.0
"""Seconds without a change after which an unfinished entry may have been given up."""


class NotACache(UserError):
    """The folder that is named as the cache holds things that crosstune did not put there."""

    code = "not-a-cache"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing in the cache."""

    kind: str
    """``frozen pass``, ``activations``, ``table``, ``Hub dataset`` or ``temporary``."""
    about: str
    """The model and the number of examples, or the data; empty where unknown."""
    bytes: int
    used: float
    """When it was last used, in seconds since 1970."""
    path: Path

    @property
    def age(self) -> float:
        """Seconds since the last use."""
        return max(0.0, time.time() - self.used)


@dataclass(frozen=True, kw_only=True)
class CacheReport:
    """The cache as it is now, and what was done to it."""

    place: Path
    limit: int | None
    """Bytes that it keeps to; ``None`` is no limit."""
    entries: tuple[Entry, ...]
    """The oldest last."""
    removed: tuple[Entry, ...] = ()
    in_use: tuple[Entry, ...] = ()
    """What was to be removed and is in use by some process."""

    @property
    def total(self) -> int:
        """Bytes of all entries."""
        return sum(entry.bytes for entry in self.entries)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        rows = {
            name: [{**asdict(entry), "path": str(entry.path)} for entry in getattr(self, name)]
            for name in ("entries", "removed", "in_use")
        }
        return {"place": str(self.place), "limit": self.limit, "total": self.total, **rows}


def report() -> CacheReport:
    """List the cache. Cost: one look at every file in it."""
    return CacheReport(place=cache_dir(), limit=limit(), entries=tuple(_entries()))


def remove(*, older_than: float | None = None, down_to: int | None = None) -> CacheReport:
    """Remove entries: all, those unused for ``older_than`` seconds, or the oldest down to ``down_to`` bytes.

    Only folders with the mark of the cache are touched, in them only names that crosstune gives, and nothing
    that a running process holds.

    Raises:
        NotACache: the place holds folders named as rooms that do not carry the mark.

    Checked by: ``tests/core/test_cache.py``.
    """
    strangers = [cache_dir() / name for name in ROOMS if name != "hub" and not _known(cache_dir() / name)]
    if strangers:
        raise NotACache(
            f"`{cache_dir()}` does not look like a cache of crosstune",
            found=f"{strangers[0]} without a valid {MARK}, and with files that crosstune did not make",
            expected=f"folders that crosstune made, each with its {MARK}",
            fix="point CROSSTUNE_CACHE at the right folder; remove what is yours by hand",
        )
    chosen = [entry for entry in _entries() if older_than is None or entry.age > older_than]
    excess = None if down_to is None else sum(entry.bytes for entry in _entries()) - down_to
    removed, held = _remove(reversed(chosen), excess)
    return CacheReport(
        place=cache_dir(), limit=limit(), entries=tuple(_entries()), removed=removed, in_use=held
    )


def manage(
    *, clear: bool = False, older_than: str | float | None = None, down_to: str | int | None = None
) -> CacheReport:
    """List the cache, or clear it; durations and sizes as people write them.

    Raises ``BadValue`` for one that is none, and for a condition without ``clear``.
    """
    seconds = None if older_than is None else parse_duration(older_than)
    size = parse_bytes(str(down_to)) if down_to is not None else None
    if not clear and (older_than, down_to) != (None, None):
        raise BadValue(
            "a condition for clearing the cache, and no word to clear it",
            found=", ".join(
                f"{name} {value}"
                for name, value in (("older-than", older_than), ("down-to", down_to))
                if value is not None
            ),
            expected="--clear beside it (in Python, clear=True)",
            fix="add --clear, or leave the condition out to list the cache",
        )
    return remove(older_than=seconds, down_to=size) if clear else report()


def make_room(needed: int) -> None:
    """Remove the oldest unused entries until ``needed`` more bytes keep the limit and fit on the disk.

    Where that is not enough the cache grows over its limit: a run does not fail for it.
    """
    if not cache_dir().is_dir():
        return
    most, entries = limit(), _entries()
    over = 0 if most is None else sum(entry.bytes for entry in entries) + needed - most
    excess = max(over, needed - shutil.disk_usage(cache_dir()).free)
    if excess > 0:
        _remove(reversed([entry for entry in entries if entry.kind != KINDS["hub"]]), excess)


def _known(folder: Path) -> bool:
    return not folder.is_dir() or marked(folder) or all(ours(path) for path in folder.iterdir())


def _entries() -> list[Entry]:
    """List what is ours, the most recently used first."""
    found: list[Entry] = []
    for name in ROOMS:
        folder = cache_dir() / name
        if folder.is_dir() and not folder.is_symlink() and _known(folder):
            found.extend(_in_room(folder))
    return sorted(found, key=lambda entry: -entry.used)


def _in_room(folder: Path) -> Iterator[Entry]:
    for path in folder.iterdir():
        side = path.name == MARK or path.name.endswith((".lock", ".about.json"))
        if side or not ours(path) or path.is_symlink():
            continue
        size, changed = _measured(path)
        lock = lock_of(path)
        used = max(changed, lock.stat().st_mtime if lock.exists() else 0.0)
        about = _about(path, folder.name)
        yield Entry(kind=KINDS[folder.name], about=about, bytes=size, used=used, path=path)


def _measured(path: Path) -> tuple[int, float]:
    """Return the size on disk and the time of the last change."""
    try:
        info = path.stat()
        size, changed = (info.st_size, info.st_mtime) if path.is_file() else (0, info.st_mtime)
        for one in path.rglob("*") if path.is_dir() else ():
            if one.is_file() and not one.is_symlink():
                size += one.stat().st_size
    except FileNotFoundError:  # another process is renaming or removing it
        return 0, time.time()
    return size, changed


def _about(path: Path, kind: str) -> str:
    if kind == "hub":
        return path.name.replace("___", "/")
    file = path.with_suffix(".about.json") if kind == "tables" else path / "about.json"
    try:
        raw = read_object(file, most=_SMALL)
    except (OSError, DamagedFile):
        return "not finished" if path.name.endswith((".partial", ".tmp", ".removed")) else ""
    if kind == "tables":
        return str(raw.get("data", ""))
    examples = raw.get("examples")
    named = [str(raw["model"])] if "model" in raw else []
    return ", ".join([*named, *([f"{examples:,} examples"] if isinstance(examples, int) else [])])


def _remove(entries: Iterable[Entry], excess: int | None) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    removed: list[Entry] = []
    held: list[Entry] = []
    for entry in entries:
        if excess is not None and excess <= 0:
            break
        if _taken_away(entry):
            removed.append(entry)
            excess = None if excess is None else excess - entry.bytes
        else:
            held.append(entry)
    return tuple(removed), tuple(held)


def _taken_away(entry: Entry) -> bool:
    if entry.path.name.endswith((".partial", ".tmp")) and _being_written(entry.path):
        return False
    room = entry.path.parent
    # Two kinds are read without a hold of their own; their readers hold the whole room.
    wanted = [room, entry.path] if room.name in ("hub", "temporary") else [entry.path]
    rights = [TakenAway(path) for path in wanted]
    removed = False
    try:
        if all(right.granted for right in rights):
            gone = entry.path.with_name(f".{uuid.uuid4().hex}.removed")
            entry.path.rename(gone)  # at once, so that nobody opens what is half removed
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
            entry.path.with_suffix(".about.json").unlink(missing_ok=True)
            removed = True
    except FileNotFoundError:
        removed = True
    finally:
        for right in rights:
            right.close(removed=removed and right is rights[-1])
    return removed


def last_change(path: Path) -> float:
    """Say when anything in ``path`` was written last, in seconds since 1970: now, if it is changing."""
    try:
        return max((below.stat().st_mtime for below in path.rglob("*")), default=path.stat().st_mtime)
    except FileNotFoundError:
        return time.time()


def _being_written(path: Path) -> bool:
    """Say whether the process whose number is in the name of an unfinished entry is still there."""
    parts = path.name.split(".")
    process = parts[-3] if parts[-1] == "partial" else parts[-2]
    young = time.time() - last_change(path) < _STALE
    if young or os.name != "posix" or not process.isdigit():
        return young  # perhaps by another machine that shares the disk
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
