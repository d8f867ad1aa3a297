"""Killing a run at a chosen moment: a forked child that counts its file events and shoots itself.

The parent imports everything and warms up once; a child costs milliseconds. Events are those that Python's
audit hooks report about files under one folder: opened, renamed, linked, removed, made. A child is killed
*before* the event of the chosen number happens.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVENTS = ("open", "os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    killed: bool
    code: int
    events: tuple[str, ...]
    """In order, for a child that was not killed: ``os.rename step-000000003``."""
    error: str


def forked(work: Callable[[], object], scratch: Path, *, under: Path, kill_at: int | None = None) -> Ended:
    """Run ``work`` in a forked child and wait for its end.

    Args:
        work: what to do.
        scratch: folder for what the child says.
        under: events on paths below this folder count.
        kill_at: number of the event, from 0, before which the child dies by SIGKILL.
    """
    said = scratch / "child.json"
    said.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads: the children start none
        child = os.fork()
    if child == 0:
        _live(work, said, under, kill_at)
    _, status = os.waitpid(child, 0)
    told: dict[str, Any] = json.loads(said.read_text()) if said.exists() else {"events": [], "error": ""}
    return Ended(
        killed=os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        code=os.waitstatus_to_exitcode(status),
        events=tuple(told["events"]),
        error=told["error"],
    )


def _live(work: Callable[[], object], said: Path, under: Path, kill_at: int | None) -> None:
    events: list[str] = []
    prefix = str(under)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.fspath(arguments[0])
        if not isinstance(path, str) or not path.startswith(prefix) or path == str(said):
            return
        if len(events) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        events.append(f"{event} {Path(path).name}")

    error, code = "", 0
    sys.addaudithook(hook)
    try:
        work()
    except BaseException as failure:  # noqa: BLE001 - the child reports everything and never returns
        code, error = getattr(failure, "exit_code", 70), traceback.format_exc()
    with contextlib.suppress(OSError):
        said.write_text(json.dumps({"events": events, "error": error}))
    os._exit(code)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


TIMED = ("elapsed", "train_seconds", "since", "pace", "evaluation_seconds", "fingerprint")


def without_time(value: Any) -> Any:
    """Leave out what depends on the clock."""
    if isinstance(value, dict):
        return {key: without_time(one) for key, one in value.items() if key not in (*TIMED, "seconds")}
    return [without_time(one) for one in value] if isinstance(value, list) else value


def final_state(work: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the hash of every file of the last checkpoint; times are left out."""
    folder = max(work.glob("checkpoints/step-*-end"))
    for path in sorted(folder.iterdir()):
        if path.name == "state.json":
            text = json.dumps(without_time(json.loads(path.read_text())), sort_keys=True)
            yield path.name, hashlib.sha256(text.encode()).hexdigest()
        elif path.name != "manifest.json":
            yield path.name, sha256(path)
