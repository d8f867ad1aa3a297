"""Taking up a run that was broken off: what it was asked, how far it came, and whether all is as it was."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np

from crosstune.artifacts.place import heal
from crosstune.core.clock import Budget, used_before
from crosstune.core.errors import UserError
from crosstune.core.files import read_json, write_json
from crosstune.core.progress import Reporter
from crosstune.core.run_dir import RunDir
from crosstune.core.version import VERSION
from crosstune.data.items import SplitItems
from crosstune.options import FitOptions
from crosstune.stages.company import Company
from crosstune.stages.outcome import Tuned, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.pretraining import PARTS_OF_PRETRAINING, PRETRAINED, take_pretraining
from crosstune.stages.run import Run
from crosstune.stages.trials import Chosen
from crosstune.stages.tune import tune
from crosstune.training.errors import ResumeMismatch

FORMAT = 1
PARTS = {"data", "data_kind", "directory", "options", "started", "finished"}
"""What ``run.json`` must hold."""


class NotARun(UserError):
    """A folder is no run directory that can be taken up."""

    code = "not-a-run"

    def __init__(self, path: Path, problem: str) -> None:
        """Name the folder and what is wrong with it."""
        super().__init__(
            f"`{path}` cannot be taken up",
            found=problem,
            expected="a run directory of `crosstune fit`, with its run.json",
            fix="name the directory that was given with --out; if it is empty, begin with `crosstune fit`",
        )


class RunInUse(UserError):
    """Another process works on the run."""

    code = "run-in-use"

    def __init__(self, path: Path) -> None:
        """Name the folder."""
        super().__init__(
            f"another process works on the run `{path}`",
            found=f"a lock on {path / 'work' / 'lock'}",
            expected="one process for each run directory",
            fix="wait for the other one, or end it first",
        )


def begin(run: Run) -> None:
    """Write ``run.json``: what was asked, so that the run can be taken up without asking again."""
    values = {
        name: value
        for name, value in run.options.model_dump().items()
        if name in run.options.model_fields_set and name != "data" and value is not None
    }
    data = run.options.data
    named = isinstance(data, str | os.PathLike)
    write_json(
        run.folder.options,
        {
            "format": FORMAT,
            "crosstune": VERSION,
            "data": str(data) if named else None,
            "data_kind": "path" if named else type(data).__name__,
            "directory": str(Path.cwd()),
            "options": {name: _plain(value) for name, value in values.items()},
            "started": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "finished": None,
        },
    )


def finish(run: Run) -> None:
    """Say in ``run.json`` that the run has ended well, and remove what only a resume would need."""
    about = read_json(run.folder.options)
    write_json(run.folder.options, about | {"finished": datetime.now(tz=UTC).isoformat(timespec="seconds")})
    run.tidy()


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, os.PathLike):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def read_asked(path: Path) -> dict[str, Any]:
    """Read ``run.json``.

    Raises:
        NotARun: there is none, or it is none that this version writes.
    """
    folder = RunDir(path)
    if not folder.options.is_file():
        raise NotARun(path, f"no {folder.options.name}")
    try:
        about = read_json(folder.options)
        known = about["format"] == FORMAT and isinstance(about["options"], dict) and set(about) >= PARTS
    except (ValueError, KeyError, TypeError) as error:
        raise NotARun(path, f"{folder.options.name} cannot be read: {error}") from error
    if not known:
        raise NotARun(path, f"{folder.options.name} is of another format")
    found: dict[str, Any] = about
    return found


def asked_options(path: Path, about: dict[str, Any], data: Any = None) -> FitOptions:  # noqa: ANN401
    """Give what a run was asked, from its ``run.json``.

    Raises:
        NotARun: the data was in memory, and is not given again.
    """
    if data is None:
        if about["data"] is None:
            raise NotARun(
                path,
                f"its data was a {about['data_kind']} in memory: give it again, "
                f"crosstune.resume({str(path)!r}, data=...)",
            )
        data = _where(about["data"], about["directory"])
    asked = dict(about["options"])
    for name in ("model", "adapt_to", "pretrain_on"):
        if name in asked:
            asked[name] = _where(asked[name], about["directory"])
    return FitOptions(data=data, **asked)


def take_up(path: Path, options: FitOptions, reporter: Reporter, company: Company | None = None) -> Run:
    """Make the :class:`Run` of a directory in which one was broken off; the time it has used counts."""
    folder = RunDir(path)
    work = path / "work"
    used = max(map(used_before, (work, *(work / PRETRAINED / part for part in PARTS_OF_PRETRAINING))))
    budget = Budget(options.seconds, time.monotonic() - used)
    run = Run(options, folder, budget, reporter, resumed=True, company=company or Company())
    run.reporter.open_log(folder.log)
    run.reporter.say(f"taking up the run {path}; {used:.0f} s of its time are used")
    if heal(path):
        run.reporter.warn("the run was broken off while model/ was being replaced; put in order")
    return run


def _where(name: str, directory: str) -> str:
    """Find a path that was given relative to the directory in which the run began."""
    there = Path(directory) / name
    return str(there) if not Path(name).exists() and there.exists() else name


def hold_to_data(run: Run, prepared: Prepared) -> None:
    """Check that the data is what it was when the run began.

    Raises:
        ResumeMismatch: rows or targets of a split have changed.
    """
    now: dict[str, Any] = {
        split: [len(items), items.digest, _digest(prepared.encoded[split]) + _domain_digest(items)]
        for split, items in prepared.items.items()
    }
    then = run.journal.recall("data")
    if then is None:
        run.journal.keep("data", now)
        return
    for split in now:
        if then[split] != now[split]:
            raise ResumeMismatch(
                f"{split} data",
                f"{now[split][0]} rows with the hash {now[split][1][:16]}, targets {now[split][2]}",
                f"{then[split][0]} rows with the hash {then[split][1][:16]}, targets {then[split][2]}",
            )


def _domain_digest(items: SplitItems) -> str:
    domains = items.domains()
    return "" if domains is None else f", domains {_digest(domains.ids)}"


def _digest(encoded: Any) -> str:  # noqa: ANN401
    array = np.ascontiguousarray(encoded)
    if array.dtype == object:  # texts of very different lengths, whose bytes would be addresses
        array = np.frombuffer(repr(array.tolist()).encode("utf-8", "surrogatepass"), np.uint8)
    return hashlib.sha256(f"{array.dtype} {array.shape}".encode() + array.tobytes()).hexdigest()[:16]


def tuned(run: Run, prepared: Prepared, chosen: Chosen, closed: Tuned) -> Tuned:
    """Carry stage 5 out, or recall how it ended."""
    return _once(run, "tuned", prepared, chosen, closed, lambda: tune(run, prepared, chosen, closed))


def pretrained(run: Run, prepared: Prepared, chosen: Chosen, made: Tuned) -> Tuned:
    """Carry the continued pretraining out, or recall how it ended; nothing where none is asked for."""
    if run.options.pretrain_on is None or made.plan["strategy"] == "closed-form":
        return made
    with run.stage("continued pretraining"):
        return _once(
            run, "pretrained", prepared, chosen, made,
            lambda: take_pretraining(run, prepared, chosen, made),
        )  # fmt: skip


def _once(
    run: Run, name: str, prepared: Prepared, chosen: Chosen, before: Tuned, make: Callable[[], Tuned]
) -> Tuned:
    """Make what may replace ``before``, or recall it."""
    names = ("expected", "plan", "shipped", "comparison", "candidates", "result")

    def compute() -> dict[str, Any]:
        made = make()
        kept = {name: getattr(made, name) for name in names}
        return kept | {"closed": made.model is before.model, "head": made.model.head}

    found = dict(run.once(name, compute))
    stays, head = found.pop("closed"), found.pop("head")
    return Tuned(model=before.model if stays else saved_model(prepared, chosen.opened, head), **found)


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """Hold the run directory against other processes, where the system can lock files.

    Raises:
        RunInUse: another process holds it.
    """
    if find_spec("fcntl") is None:
        yield
        return
    import fcntl

    run.work.mkdir(parents=True, exist_ok=True)
    with (run.work / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunInUse(run.folder.root) from error
        _keep_from_children()
        _LOCKS.add(handle)
        try:
            yield
        finally:
            _LOCKS.discard(handle)


_LOCKS: set[IO[str]] = set()
"""Held by this process."""


@cache
def _keep_from_children() -> None:
    """Close the locks in every forked child, such as data workers: they outlive a killed run by seconds.

    A lock ends with the last process that has its file open. Found by ``benchmarks/chaos.py``.
    """
    os.register_at_fork(after_in_child=_close_locks)


def _close_locks() -> None:
    for handle in _LOCKS:
        handle.close()
    _LOCKS.clear()
