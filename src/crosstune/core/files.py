"""Writing files so that a crash leaves the old one or the new one, never half of one."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crosstune.core.errors import DiskFull


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success flush it to disk and rename it over.

    Raises:
        DiskFull: there is no room; the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except Exception as error:
        if is_disk_full(error):
            raise DiskFull(str(path), needed=None, free=free_bytes(path.parent)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Say whether an error of any library means that a disk is full, or a quota is."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "No space left on device" in str(error)  # safetensors gives the system's words only


def free_bytes(folder: Path) -> int:
    """Count the free bytes on the disk of ``folder``, or of the nearest folder above it that exists."""
    existing = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(existing).free


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, where the system can (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401
    """Write JSON atomically; a non-finite number is an error, not invalid JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401
    """Read UTF-8 JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_strict_json(path: Path) -> Any:  # noqa: ANN401
    """Read JSON as the standard has it: no NaN, and no key twice.

    Raises ``ValueError`` for anything else, ``OSError`` where the file cannot be read.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError(f"a key stands twice in {path.name}")
        return found

    def refuse(word: str) -> Any:  # noqa: ANN401
        raise ValueError(f"{word} in {path.name} is not JSON")

    text = path.read_text(encoding="utf-8")
    return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
