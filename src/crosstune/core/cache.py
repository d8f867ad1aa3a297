"""The cache: rooms with a mark of their own, a size that it keeps to, and holds on what is being read.

Everything in it can be computed again. A room is a folder in ``cache_dir()``; it carries the usual
``CACHEDIR.TAG``, and nothing is ever removed from a folder without one.
"""

import os
import re
import time
import weakref
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Final

from crosstune.core.run_dir import cache_dir
from crosstune.core.units import parse_bytes

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ROOMS: Final = ("features", "activations", "tables", "hub", "temporary")
"""Frozen passes; activations behind a cut; text tables as Arrow; Hub datasets; files of a child process."""

DEFAULT_LIMIT: Final = "50GB"
"""ASSUMED: some ten passes over a million examples, and a small share of a usual disk."""

MARK: Final = "CACHEDIR.TAG"
SIGNATURE: Final = "Signature: 8a477f597d28d172789f06886806bc55"
"""The convention by which backup programs know a cache, too."""
_MARK_TEXT = f"{SIGNATURE}\n# This folder was made by crosstune. Everything in it can be computed again.\n"

_KEY = r"[0-9a-f]{32}"
IN_USE: Final = ".in-use"
_SIDE = re.compile(r"\..+\.lock|\.[0-9a-f]{32}\.removed")
_NAMES = {
    "features": re.compile(rf"{_KEY}(\..*\.partial)?"),
    "activations": re.compile(rf"{_KEY}(\..*\.partial)?"),
    "tables": re.compile(rf"{_KEY}\.arrow|\.{_KEY}\.arrow\.\d+\.tmp"),
    "temporary": re.compile(r"fresh-\w+"),
}


def limit() -> int | None:
    """Return how many bytes the cache may hold: ``CROSSTUNE_CACHE_SIZE``, such as ``20GB`` or ``none``.

    Raises ``BadValue`` where that is no size.
    """
    return parse_bytes(os.environ.get("CROSSTUNE_CACHE_SIZE") or DEFAULT_LIMIT)


def room(name: str) -> Path:
    """Return one room of the cache, made and marked where it is new (or holds only what is ours)."""
    assert name in ROOMS  # noqa: S101 - our own callers
    folder = cache_dir() / name
    mark(folder)
    return folder


def temporary_dir() -> Path:
    """Return the room for files that a child process needs, held until this process ends."""
    folder = room("temporary")
    hold_for_good(folder)
    return folder


def mark(folder: Path) -> None:
    """Make a folder of cached things, and mark it unless it holds something that is not ours."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MARK).exists() and all(ours(path) for path in folder.iterdir()):
        (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")


def marked(folder: Path) -> bool:
    """Say whether a folder carries the mark."""
    try:
        with (folder / MARK).open(encoding="utf-8") as handle:
            return handle.read(len(SIGNATURE)) == SIGNATURE
    except (OSError, ValueError):
        return False


def ours(path: Path) -> bool:
    """Say whether something in a room has a name that only this package gives."""
    name, kind = path.name, path.parent.name
    if name == MARK or _SIDE.fullmatch(name):
        return True
    if kind == "hub":  # the names are those of datasets: the mark alone must tell
        return marked(path.parent)
    if kind == "tables" and name.endswith(".about.json"):
        return re.fullmatch(_KEY, name.removesuffix(".about.json")) is not None
    return kind in _NAMES and _NAMES[kind].fullmatch(name) is not None


class Hold:
    """Says to every process on this machine that something in the cache is being read."""

    def __init__(self, path: Path) -> None:
        """Take the hold. Of what is not there, or where locks do not work, there is none."""
        self._handle: int | None = None
        with suppress(OSError):
            self._handle = _locked(lock_of(path))

    def close(self) -> None:
        """Let go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def tied_to(self, user: object) -> None:
        """Let go when ``user`` is no longer in memory."""
        weakref.finalize(user, self.close)


_FOR_GOOD: dict[Path, Hold] = {}


def hold_for_good(path: Path) -> None:
    """Hold something until this process ends."""
    if path not in _FOR_GOOD:
        _FOR_GOOD[path] = Hold(path)


def lock_of(path: Path) -> Path:
    """Name the file that stands for the use of ``path``; its time is the time of the last use.

    It lies in the folder of a pass, and so goes with it; beside a file and beside a whole room.
    """
    inside = path.is_dir() and path.name not in ROOMS
    return path / IN_USE if inside else path.with_name(f".{path.name}.lock")


def _locked(lock: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_SH)
            os.utime(handle)
            # Between opening and locking, whoever cleared the cache may have removed the file.
            if os.fstat(handle).st_ino == lock.stat().st_ino:
                return handle
        except FileNotFoundError:
            if not lock.parent.is_dir():
                os.close(handle)
                raise
        except OSError:
            os.close(handle)
            raise
        os.close(handle)


class TakenAway:
    """A right to remove ``path``: nobody holds it, and nobody can begin to while this is open."""

    def __init__(self, path: Path) -> None:
        """Try; ``granted`` says whether it worked."""
        self._lock = lock_of(path)
        self._handle = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        self.granted = True
        if fcntl is None:  # no way to ask: whatever was used within a day is taken to be in use
            self.granted = time.time() - self._lock.stat().st_mtime > 86_400
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.granted = False

    def close(self, *, removed: bool) -> None:
        """Give the right back; with the thing itself goes its lock."""
        if removed:
            self._lock.unlink(missing_ok=True)
        os.close(self._handle)
