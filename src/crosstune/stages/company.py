"""The processes of one run: the first does everything, and the others help it to train.

What is measured and decided must be decided once, and what is written must be written once. So the first of
the launched processes carries out the run as if it were alone, until the last training begins. Then it calls
the others, tells them what to train, and all of them train; then the first goes on alone. The others wait for
its end.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from safetensors.numpy import load, save

from crosstune.core.codec import pack, unpack
from crosstune.core.processes import hidden, launched, shown
from crosstune.core.run_dir import RunDir
from crosstune.core.settings import Settings
from crosstune.stages.journal import KINDS
from crosstune.training.errors import FirstProcessFailed
from crosstune.training.group import arrive, call, joined, wait
from crosstune.training.parallel import way

_runs = count()
T = TypeVar("T")


class Company:
    """The processes of one run, as one of them sees them."""

    def __init__(self, key: str = "") -> None:
        """Speak under ``key``, of which every run has its own."""
        self.key, self._called = key, False
        self.leads, self.several = launched().leads, bool(key) and launched().world > 1
        self.root = ""
        """The run directory, as far as it is known."""

    def together(self, about: Callable[[], dict[str, Any]], work: Callable[[], T]) -> T:
        """Call the others, tell them ``about`` the training, and carry it out with them."""
        if not self.several:
            return work()
        self._tell(about())
        with shown(), joined():
            return work()

    def end(self, *, failed: bool) -> None:
        """Let the others go."""
        if not self._called:
            self._tell(None)
        call(f"{self.key}/end", json.dumps({"root": self.root, "failed": failed}).encode())

    def _tell(self, about: dict[str, Any] | None) -> None:
        self._called = True
        arrays: dict[str, Any] = {}
        plain = json.dumps(pack(about, arrays))
        call(f"{self.key}/arrays", save(arrays))
        call(f"{self.key}/about", plain.encode())

    def told(self) -> dict[str, Any] | None:
        """Wait to be called; ``None`` where there is nothing to train."""
        plain = json.loads(wait(f"{self.key}/about"))
        about: dict[str, Any] | None = unpack(plain, load(wait(f"{self.key}/arrays")), KINDS)
        return about

    def ended(self) -> RunDir:
        """Wait for the end of the first process.

        Raises:
            FirstProcessFailed: it has ended with an error.
        """
        about = json.loads(wait(f"{self.key}/end"))
        if about["failed"]:
            raise FirstProcessFailed
        return RunDir(Path(about["root"]))


@contextmanager
def company(settings: Settings) -> Iterator[Company]:
    """Say whether this process leads, and let it work as if it were alone; afterwards the others may go.

    Raises:
        ShardedTraining, TooFewProcesses: what is asked for cannot be carried out. Said before time is spent.
        WrongWorldSize: fewer processes have begun than the launcher says.
    """
    way(settings)
    made = Company(f"run-{next(_runs)}")
    if not made.several:
        yield made
        return
    arrive(made.key)
    with hidden():
        failed = True
        try:
            yield made
            failed = False
        finally:
            if made.leads:
                made.end(failed=failed)
