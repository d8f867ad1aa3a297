"""Folders in a cache that are complete or not there, shared by processes without locks.

A folder is filled under a private name that carries the host and process of its owner, and renamed to
its key when complete. A folder whose owner is gone may be taken over: a rename, which only one process
can win.
"""

import errno
import os
import shutil
import socket
import time
import uuid
from pathlib import Path

from crosstune.core.cache import mark
from crosstune.core.cache_entries import last_change, make_room
from crosstune.core.run_dir import cache_dir
from crosstune.frozen.errors import CacheFull

_PARTIAL = ".partial"
_STALE_SECONDS = 3600.0
_MINE: set[str] = set()


def claim(root: Path, key: str) -> Path:
    """Return a private folder for ``key``: an abandoned one with its content, or a new empty one."""
    root.mkdir(parents=True, exist_ok=True)
    if root.parent == cache_dir():
        mark(root)
    mine = root / f"{key}.{_host()}.{os.getpid()}.{uuid.uuid4().hex[:8]}{_PARTIAL}"
    _MINE.add(mine.name)
    for other in _abandoned(root, key):
        try:
            other.rename(mine)
        except OSError:
            continue  # another process took it first
        return mine
    mine.mkdir()
    return mine


def release(folder: Path) -> None:
    """Give up ownership of a private folder; what is complete in it can be continued from."""
    _MINE.discard(folder.name)


def complete(folder: Path, final: Path) -> None:
    """Rename a filled private folder to its key; where another process was faster, drop this one."""
    try:
        folder.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        shutil.rmtree(folder, ignore_errors=True)
    release(folder)
    for other in _abandoned(final.parent, final.name):
        shutil.rmtree(other, ignore_errors=True)


def reserve(path: Path, count: int) -> None:
    """Reserve ``count`` bytes on disk for an existing file; in the user's cache, older things make room.

    Writing to a memory map of a file with holes kills the process when the disk is full; this raises
    instead.

    Raises:
        CacheFull: the disk has no room.
    """
    if path.is_relative_to(cache_dir()):
        make_room(count)
    free = shutil.disk_usage(path.parent).free
    if free < count:
        raise CacheFull(path.parent, needed=count, free=free)
    if count and hasattr(os, "posix_fallocate"):
        with path.open("r+b") as handle:
            try:
                os.posix_fallocate(handle.fileno(), 0, path.stat().st_size)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise CacheFull(path.parent, needed=count, free=free) from error
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # not on this file system
                    raise


def _abandoned(root: Path, key: str) -> list[Path]:
    found = root.glob(f"{key}.*{_PARTIAL}")
    return sorted(folder for folder in found if not _owned(folder))


def _owned(folder: Path) -> bool:
    """Say whether somebody may still be filling ``folder``."""
    if folder.name in _MINE:
        return True
    _, host, process, _ = folder.name.removesuffix(_PARTIAL).rsplit(".", 3)
    if host != _host() or os.name != "posix":  # elsewhere, or no way to ask: judge by age
        return time.time() - last_change(folder) < _STALE_SECONDS
    return int(process) != os.getpid() and _alive(int(process))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())
