"""Say at once what fails and what hangs: a session that is cut off from outside prints no summary.

Under xdist a worker may hang where no timeout of a single test reaches it: in C, between two tests, at its
end. The process that the user started then names what had begun and not ended, and ends the session.
"""

import os
import threading
import time
from collections.abc import Callable

import pytest

QUIET = 900.0
"""Seconds without a report after which a session hangs: half as long again as the timeout of one test."""
WHOLE = 3_600.0
"""Seconds after which a session ends in any case; it needs 15 to 30 minutes on two cores."""


class Watch:
    """Keep the tests that have begun, with the time of the last sign of life."""

    def __init__(
        self,
        say: Callable[[str], None],
        end: Callable[[int], object] = os._exit,
        quiet: float = QUIET,
        whole: float = WHOLE,
    ) -> None:
        self.say, self.end, self.quiet, self.whole = say, end, quiet, whole
        self.begun: dict[str, float] = {}
        self.first = self.last = time.monotonic()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a test has begun."""
        self.last = self.begun[nodeid] = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test has ended; name it where it failed."""
        self.last = time.monotonic()
        if report.when == "teardown" or report.failed:  # of a crashed worker's test comes one report only
            self.begun.pop(report.nodeid, None)
        if report.failed:
            reason = report.longreprtext.strip().splitlines()[-1:] or ["without words"]
            self.say(
                f"\nFAILED ({report.when}, {report.duration:.0f} s) {report.nodeid}: {reason[0][:300]}\n"
            )

    def look(self) -> None:
        """End the session where it has been quiet, or has lasted, for too long."""
        now = time.monotonic()
        if now - self.last > self.quiet or now - self.first > self.whole:
            open_ones = [f"{nodeid}, begun {now - since:.0f} s ago" for nodeid, since in self.begun.items()]
            times = f"{now - self.first:.0f} s in all, the last report {now - self.last:.0f} s ago"
            self.say(f"\nENDED BY ITS WATCH: {times}; open: {'; '.join(open_ones) or 'none'}\n")
            self.end(1)

    def start(self) -> None:
        """Look now and then, for as long as this process lives."""

        def watching() -> None:
            while True:
                time.sleep(10)
                self.look()

        threading.Thread(target=watching, daemon=True, name="watch").start()
