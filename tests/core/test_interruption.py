"""Signals: at once outside, at the end inside a deferred part, once only, and handlers come back."""

import os
import signal
import threading

import pytest

from crosstune.core.interruption import Interrupted, check, deferred, heeding, requested


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_raised_at_once(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=number.name) as caught, heeding():
        os.kill(os.getpid(), number)
    assert caught.value.exit_code == code
    assert not isinstance(caught.value, Exception)
    assert signal.getsignal(number) is before
    assert requested() is None


def test_inside_a_deferred_part_it_waits_and_further_ones_are_ignored() -> None:
    reached = []

    def work() -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        reached.append(requested())

    with pytest.raises(Interrupted) as caught, heeding(), deferred():
        work()
    assert reached == [signal.SIGTERM]
    assert caught.value.exit_code == 143


def test_nothing_is_installed_in_another_thread() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with heeding():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
    check()
