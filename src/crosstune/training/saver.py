"""When a run is saved, and how long that may take."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate import Accelerator

from crosstune.core.clock import Budget, keep_used
from crosstune.core.files import read_json, write_json
from crosstune.core.progress import Reporter
from crosstune.core.settings import Settings, with_values
from crosstune.training import checkpoints, state
from crosstune.training.errors import ProcessesDiffer, ResumeMismatch
from crosstune.training.session import Session, agreed
from crosstune.training.snapshot import link

if TYPE_CHECKING:
    from crosstune.training.loop import Loop

OVERHEAD = 0.05
"""PRIOR: share of the time that saving may take; where a save is slow, there are fewer of them."""
CHOICES = "choices.json"
"""What was measured before the first step, and must not be measured again."""


class Saver:
    """Writes the checkpoints of one run under ``work/checkpoints``."""

    def __init__(
        self, work: Path, *, every: float, budget: Budget, reporter: Reporter, writes: bool = True
    ) -> None:
        """Save every ``every`` seconds at most; 0 saves after each step. Only one process writes."""
        self.root, self._work = work / "checkpoints", work
        self._every, self._budget, self._reporter, self._writes = every, budget, reporter, writes
        self._saved, self._cost, self._name = time.monotonic(), 0.0, ""

    def due(self, *, evaluated: bool) -> bool:
        """Say whether it is time: after an evaluation, or after ``every`` seconds, within the overhead."""
        passed = time.monotonic() - self._saved
        if self._every == 0:
            return True
        enough = passed >= self._cost / OVERHEAD
        return enough and (evaluated or passed >= self._every)

    def save(self, loop: "Loop") -> None:
        """Save the run as it is now, between two steps.

        Raises:
            DiskFull: the checkpoints from before stay.
        """
        name = f"step-{loop.step:09d}" + ("-end" if loop.ended else "")
        if name == self._name:
            return
        began = time.monotonic()
        held = state.tensors(loop, keep=self._writes)
        if self._writes:
            plain = state.values(loop)
            files = {
                state.TENSORS: partial(state.write_tensors, held),
                state.VALUES: partial(state.write_values, plain),
                **{name: partial(link, path) for name, path in loop.keeper.files().items()},
            }
            needed = sum(tensor.nbytes for tensor in held.values()) + 64 * len(loop.losses)
            checkpoints.save(self.root, name, files, needed=needed)
            keep_used(self._work, self._budget)
            self._saved = time.monotonic()
            self._cost = self._saved - began
        self._name = name


def _found(work: Path, fingerprint: dict[str, Any], reporter: Reporter) -> tuple[Path, dict[str, Any]] | None:
    """Return the newest whole checkpoint under ``work`` with its values; ``None`` where there is none.

    Raises:
        ResumeMismatch: it was written by another run: other data, model, settings or number of processes.
    """
    folder = checkpoints.newest(work / "checkpoints", reporter)
    if folder is None:
        return None
    held = state.read_values(folder)
    then = held["fingerprint"]
    if held["ended"] and state.extends(then, fingerprint):
        then = then | {state.EPOCHS: fingerprint[state.EPOCHS]}
    check_same(then, fingerprint, reporter)
    return folder, held


def start_from(
    work: Path, fingerprint: dict[str, Any], settings: Settings, reporter: Reporter,
    accelerator: Accelerator, *, resume: bool,
) -> tuple[tuple[Path, dict[str, Any]] | None, Settings]:  # fmt: skip
    """Find the checkpoint to go on from, and what was measured, as settings; or make room for a new run.

    Raises:
        ResumeMismatch: the checkpoint is of another run.
    """
    saved, chosen = None, settings
    with accelerator.main_process_first():  # which sets damaged checkpoints aside
        if resume:
            saved = _found(work, fingerprint, reporter)
            chosen = with_values(settings, _read_choices(work))
        elif accelerator.is_main_process:
            checkpoints.remove_all(work / "checkpoints")
            (work / CHOICES).unlink(missing_ok=True)
    accelerator.wait_for_everyone()
    hold_together(accelerator, fingerprint, saved[0] if saved else None)
    if saved is not None:
        reporter.say(f"going on after step {saved[1]['step']} of {saved[1]['total']}")
    return saved, chosen


def keep_choices(work: Path, session: Session) -> None:
    """Write down what was measured before the first step."""
    if session.accelerator.is_main_process:
        write_json(work / CHOICES, session.choices)


def _read_choices(work: Path) -> dict[str, str]:
    """Read what was measured; empty where the run did not come so far."""
    try:
        found = read_json(work / CHOICES)
    except (OSError, ValueError):
        return {}
    known = isinstance(found, dict) and set(found) == {"precision", "memory_format", "cache", "packing"}
    return {name: str(value) for name, value in found.items()} if known else {}


def hold_together(accelerator: Accelerator, fingerprint: dict[str, Any], saved: Path | None) -> None:
    """Check that all processes train the same thing and go on from the same checkpoint.

    Raises:
        ProcessesDiffer: they do not; raised where it differs from the first.
    """
    here = {**fingerprint, "checkpoint to go on from": saved.name if saved else "none"}
    there = agreed(accelerator, here)
    for name, value in here.items():
        if name not in EXACT and there[name] != value:
            raise ProcessesDiffer(name, str(value), str(there[name]))


EXACT = ("threads", "torch")
"""What changes the last bits and nothing else: a warning, not an error."""


def check_same(then: dict[str, Any], now: dict[str, Any], reporter: Reporter) -> None:
    """Compare what a run was with what is to go on.

    Raises:
        ResumeMismatch: anything but the versions and the number of threads differs.
    """
    differing = [name for name in now if then.get(name) != now[name]]
    for name in differing:
        if name not in EXACT:
            raise ResumeMismatch(name, str(now[name]), str(then.get(name)))
        reporter.warn(
            f"{name} was {then.get(name)} and is {now[name]}: the result may differ in the last digits from "
            "that of the run without a break"
        )
