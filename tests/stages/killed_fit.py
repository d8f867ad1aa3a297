"""The command line, in a process that dies in the middle of training: for ``test_company.py``."""

import os
import signal
from typing import Any

from crosstune.cli.main import app
from crosstune.training.update import Updater

STEPS = 5

if __name__ == "__main__":
    plain_call = Updater.__call__

    def call(self: Updater, *args: Any, step: int, **more: Any) -> float:
        if step == STEPS:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain_call(self, *args, step=step, **more)

    Updater.__call__ = call  # type: ignore[method-assign]
    app()
