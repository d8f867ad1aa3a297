"""The state of one run: where it writes, how long it may take, whom it tells."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from datasets.utils import logging as datasets_logging
from transformers.utils import logging as hub_logging

from crosstune.core import interruption
from crosstune.core.clock import USED, Budget
from crosstune.core.errors import BadValue
from crosstune.core.evidence import Measurement
from crosstune.core.gap import Gap
from crosstune.core.metric import Metric
from crosstune.core.plan import Decision
from crosstune.core.progress import Reporter
from crosstune.core.run_dir import RunDir
from crosstune.core.settings import Settings, with_values
from crosstune.data.gate.report import NOTE, Finding
from crosstune.options import FitOptions
from crosstune.stages.company import Company
from crosstune.stages.journal import Journal

OURS = ("journal", "checkpoints", USED, "choices.json", "lock", "controls", "pretrained")
"""What a run keeps in its work folder; the rest belongs to trackers."""

T = TypeVar("T")


@dataclass
class Run:
    """What every stage may use. The lists grow as the run goes on."""

    options: FitOptions
    folder: RunDir
    budget: Budget
    reporter: Reporter
    measurements: list[Measurement] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    resumed: bool = False
    """Whether an earlier process began it."""
    company: Company = field(default_factory=Company)
    """The processes that train together; one in most runs."""
    gap: Gap | None = None
    """Between the training and the test split, where it was measured."""

    @cached_property
    def journal(self) -> Journal:
        """What was decided, measured and computed so far."""
        return Journal(self.work, self.budget, self.reporter)

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """Return what ``compute`` gives, or gave before the run was broken off.

        Measurements and warnings that were added meanwhile are added again.
        """
        known = self.journal.recall(name)
        if known is not None:
            value, measurements, warnings = known
            self.measurements.extend(measurements)
            self.warnings.extend(warnings)
            recalled: T = value
            return recalled
        measured, warned = len(self.measurements), len(self.warnings)
        made = compute()
        self.journal.keep(name, (made, self.measurements[measured:], self.warnings[warned:]))
        return made

    def foresee(self, stage: str, seconds: float) -> None:
        """Note how long a stage should take, for the table of foreseen against actual seconds."""
        row = Measurement(
            name=f"speed/foreseen/{stage}",
            candidate=stage,
            figure="seconds",
            metric=Metric(seconds, seconds, seconds),
            examples=0,
            seed=0,
            seconds=0.0,
        )
        self.measurements.append(self.once(f"foreseen {stage}", lambda: row))

    @property
    def settings(self) -> Settings:
        """The settings as far as the user has chosen them, defaults elsewhere."""
        return asked_settings(self.options)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; stages of one name add up. A signal that came meanwhile is heeded before it."""
        interruption.check()
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    def found(self, findings: Iterable[Finding]) -> None:
        """Say findings: notes as news, the others as warnings."""
        for finding in findings:
            told = self.reporter.say if finding.severity == NOTE else self.reporter.warn
            told(f"{finding.severity} [{finding.code}] {finding.sentence}")

    def decided(self, decision: Decision) -> None:
        """Say a decision as it is taken."""
        basis = decision.basis.value
        self.reporter.say(f"{decision.setting} = {decision.value}  ({basis}: {decision.because})")

    @property
    def work(self) -> Path:
        """Where checkpoints and the logs of trackers lie while the run goes on."""
        return self.folder.root / "work"

    def tidy(self) -> None:
        """Remove what only a resume would need, once the run has ended well; the logs of trackers stay.

        An extendable run keeps everything.
        """
        if self.options.extendable:
            return
        if not self.options.trackers:
            shutil.rmtree(self.work, ignore_errors=True)
            return
        for path in [self.work / name for name in OURS] + list(self.work.glob("*.safetensors")):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def asked_settings(options: FitOptions) -> Settings:
    """Give the settings as far as the user has chosen them, defaults elsewhere."""
    return with_values(Settings(), options.settings_overrides())


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the progress bars and notices of datasets and transformers out of the way of ours."""
    bars = datasets_logging.is_progress_bar_enabled()
    level = hub_logging.get_verbosity()
    datasets_logging.disable_progress_bar()
    hub_logging.disable_progress_bar()
    hub_logging.set_verbosity_error()
    try:
        yield
    finally:
        hub_logging.set_verbosity(level)
        hub_logging.enable_progress_bar()
        if bars:
            datasets_logging.enable_progress_bar()


def new_folder(out: Path | None) -> RunDir:
    """Make the run directory; a folder with something in it is never written over.

    Raises:
        BadValue: ``out`` exists and is not empty.
    """
    if out is None:
        out = Path("runs") / datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadValue(
            f"the run directory `{out}` is not empty",
            found="files of an earlier run, or of something else",
            expected="a new or an empty folder",
            fix="name another folder with --out, or remove this one",
        )
    out.mkdir(parents=True, exist_ok=True)
    return RunDir(out)
