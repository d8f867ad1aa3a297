"""What the test session says while it runs."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.watch import Watch


def report(nodeid: str, *, when: str = "call", failed: bool = False, words: str = "") -> pytest.TestReport:
    made: Any = SimpleNamespace(nodeid=nodeid, when=when, failed=failed, longreprtext=words, duration=2.0)
    return cast(pytest.TestReport, made)


def test_failures_are_named_at_once_and_a_hang_names_what_is_open() -> None:
    said: list[str] = []
    ended: list[int] = []
    watch = Watch(said.append, ended.append, quiet=100.0, whole=1000.0)
    for nodeid in ("one", "two", "three"):
        watch.pytest_runtest_logstart(nodeid)
    watch.pytest_runtest_logreport(report("one"))
    watch.pytest_runtest_logreport(report("one", when="teardown"))
    watch.pytest_runtest_logreport(
        report("two", failed=True, words="E  many lines\ntests/x.py:3: worker crashed")
    )
    assert said == ["\nFAILED (call, 2 s) two: tests/x.py:3: worker crashed\n"]
    watch.look()
    assert not ended
    watch.last -= 101
    watch.look()
    assert ended == [1]
    assert "three, begun" in said[-1]
    assert "one, begun" not in said[-1]
    watch.last += 101
    watch.look()
    assert ended == [1]
    watch.first -= 1001
    watch.look()
    assert ended == [1, 1]
