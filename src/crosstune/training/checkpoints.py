"""Folders of checkpoints: complete or not there, verified before they are used.

A checkpoint is written as ``.tmp-step-<step>-<pid>``: its files, each flushed to disk, then ``manifest.json``
with the SHA-256 and the size of each, then the folder is flushed and renamed to ``step-<step>``. A kill at
any moment leaves the checkpoint before. What is no longer wanted is renamed to ``.trash-`` before it is
removed, and what does not verify to ``.corrupt-``, so that neither is ever taken for a checkpoint.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from crosstune.core.errors import DiskFull
from crosstune.core.files import free_bytes, is_disk_full, read_json, sync_folder, write_json
from crosstune.core.progress import Reporter

MANIFEST = "manifest.json"
FORMAT = 1
KEPT = 2
"""Checkpoints that stay: the newest, and the one before in case the newest is damaged."""
SPARE = 1 << 20
"""Bytes that must be free beyond the files themselves: folders, and what the run writes next."""

Write = Callable[[Path], None]


def save(root: Path, name: str, files: Mapping[str, Write], *, needed: int) -> Path:
    """Write a checkpoint, and remove all but the newest ``KEPT``.

    Args:
        root: folder of all checkpoints of a run; only one process may write there.
        name: ``step-`` and the updates made so far, with as many digits as all others.
        files: by name, what writes each of them to the path that it is given.
        needed: bytes that all of them take together, at most.

    Raises:
        DiskFull: there is no room. The checkpoints from before stay, and no partial folder.

    Checked by: ``tests/training/test_checkpoints.py``, with a kill at every file event.
    """
    root.mkdir(parents=True, exist_ok=True)
    _clear(root)
    if free_bytes(root) < needed + SPARE:
        _rotate(root, keep=1)
    if (free := free_bytes(root)) < needed + SPARE:
        raise DiskFull(str(root), needed=needed + SPARE, free=free)
    temporary = root / f".tmp-{name}-{os.getpid()}"
    try:
        _fill(temporary, files)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if is_disk_full(error) or isinstance(error, DiskFull):
            raise DiskFull(str(root), needed=needed + SPARE, free=free_bytes(root)) from error
        raise
    final = root / name
    if final.exists():
        _drop(final)
    temporary.rename(final)
    sync_folder(root)
    _rotate(root, keep=KEPT)
    return final


def _fill(folder: Path, files: Mapping[str, Write]) -> None:
    folder.mkdir()
    rows: dict[str, dict[str, Any]] = {}
    for name, write in files.items():
        path = folder / name
        write(path)
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
        rows[name] = {"sha256": digest(path), "size": path.stat().st_size}
    write_json(folder / MANIFEST, {"format": FORMAT, "files": rows})
    sync_folder(folder)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. Cost: about a second for each GB."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def newest(root: Path, reporter: Reporter) -> Path | None:
    """Return the newest checkpoint that verifies; damaged ones are set aside, aloud.

    Cost: reading it once.
    """
    if not root.is_dir():
        return None
    _clear(root)
    for folder in sorted(root.glob("step-*"), reverse=True):
        problem = flaw(folder)
        if not problem:
            return folder
        aside = _free_name(root, f".corrupt-{folder.name}")
        folder.rename(aside)
        reporter.warn(
            f"the checkpoint {folder.name} is damaged ({problem}); set aside as {aside.name}, "
            "going on from the one before"
        )
    return None


def flaw(folder: Path) -> str:
    """Say what is wrong with a checkpoint; empty where it is whole."""
    try:
        manifest = read_json(folder / MANIFEST)
        rows = manifest["files"]
        if manifest["format"] != FORMAT or not isinstance(rows, dict):
            return f"{MANIFEST} is of another format"
        for name, row in rows.items():
            if Path(name).name != name or row.keys() != {"sha256", "size"}:
                return f"{MANIFEST} names `{name}`"
            path = folder / name
            if not path.is_file() or path.is_symlink():
                return f"{name} is missing"
            if path.stat().st_size != row["size"]:
                return f"{name} has {path.stat().st_size} bytes instead of {row['size']}"
            if digest(path) != row["sha256"]:
                return f"the content of {name} has changed"
    except OSError as error:
        return f"{type(error).__name__} for {Path(str(error.filename)).name}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{MANIFEST} cannot be read: {error}"
    return ""


def remove_all(root: Path) -> None:
    """Remove every checkpoint, whole or not: a new run begins."""
    shutil.rmtree(root, ignore_errors=True)


def _clear(root: Path) -> None:
    """Remove what a kill has left behind. There is one writer, so nothing here belongs to another."""
    for pattern in (".tmp-*", ".trash-*"):
        for folder in root.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)


def _rotate(root: Path, *, keep: int) -> None:
    for folder in sorted(root.glob("step-*"), reverse=True)[keep:]:
        _drop(folder)


def _drop(folder: Path) -> None:
    trash = _free_name(folder.parent, f".trash-{folder.name}")
    folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def _free_name(root: Path, name: str) -> Path:
    number = 1
    while (root / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return root / (name if number == 1 else f"{name}-{number}")
