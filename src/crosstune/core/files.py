"""Writing files so that a crash leaves the old one or the new one; reading JSON that nobody vouches for."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crosstune.core.errors import DamagedFile, DiskFull
from crosstune.core.units import format_bytes

MOST_BYTES = 500_000_000
"""Of a JSON file; a confusion matrix of 5,000 classes has 250 MB."""
MOST_DEPTH = 64
"""Lists and objects within each other; what crosstune writes has at most 8."""
MOST_WHOLE = 2**63
"""Largest size of a whole number: beyond it neither arrays nor floats follow."""
NO_LIMIT = int(1e30)
"""What transformers writes for the longest input of a tokenizer without a limit; let through as it is."""


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


def read_json(path: Path, *, most: int = MOST_BYTES) -> Any:  # noqa: ANN401
    """Read UTF-8 JSON strictly.

    Raises:
        DamagedFile: larger than ``most`` bytes, not JSON, a key twice in one object, ``NaN`` or an infinity,
            a whole number of more than 64 bits, or nested more than ``MOST_DEPTH`` deep.
        OSError: it cannot be opened.
    """
    with path.open("rb") as handle:
        content = handle.read(most + 1)
    if len(content) > most:
        raise damaged(path, f"more than {format_bytes(most)}")
    return parse_json(content, path)


def parse_json(content: bytes | str, where: Path | str) -> Any:  # noqa: ANN401
    """Parse JSON as :func:`read_json` does; ``where`` is for the message."""
    try:
        value = json.loads(
            content,
            object_pairs_hook=_single,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise damaged(where, " ".join(str(error).split())[:200]) from None
    _check_depth(value, where)
    return value


def read_object(path: Path, *, most: int = MOST_BYTES) -> dict[str, Any]:
    """Read a JSON file that holds one object; raises as :func:`read_json`."""
    value = read_json(path, most=most)
    if not isinstance(value, dict):
        raise damaged(path, f"a JSON {type(value).__name__} instead of an object")
    return value


def damaged(where: Path | str, found: str) -> DamagedFile:
    """Make the error for a file that does not hold what it should."""
    return DamagedFile(
        f"the file {where} cannot be used",
        found=found,
        expected="the file as it was written, whole and not edited by hand",
        fix="restore the file from where it came, or make it again",
    )


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"the key {next(name for name in names if names.count(name) > 1)!r} stands there twice"
        )
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) > MOST_WHOLE and value != NO_LIMIT:
        raise ValueError(f"a number of {len(text)} digits")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _check_depth(value: object, where: Path | str) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(part for part in one if isinstance(part, (dict, list)))
        level = [one for one in inner if isinstance(one, (dict, list))]
        if not level:
            return
    raise damaged(where, f"lists or objects more than {MOST_DEPTH} deep")
