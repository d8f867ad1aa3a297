"""Threads that prepare batches take one core each, and leave the others alone."""

from threading import Barrier, Thread, get_ident

import pytest
import torch

from crosstune.frozen.background import background


@pytest.fixture
def three() -> object:
    """Let tensor operations of this process take three threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three")
def test_each_of_its_threads_takes_one_core_and_no_other_thread_does() -> None:
    meet = Barrier(4)

    def counted() -> tuple[int, int]:
        meet.wait(10)
        return get_ident(), torch.get_num_threads()

    later = list[int]()
    with background(4, "test") as pool:
        found = dict(one.result() for one in [pool.submit(counted) for _ in range(4)])
        assert torch.get_num_threads() == 3
        other = Thread(target=lambda: later.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert list(found.values()) == [1, 1, 1, 1]
    assert later == [3]
    assert torch.get_num_threads() == 3


def test_what_waits_is_dropped_when_the_block_ends() -> None:
    hold, ran = Barrier(2), list[int]()
    with pytest.raises(KeyError), background(1, "test") as pool:  # noqa: PT012 - the block must fail inside
        pool.submit(hold.wait, 10)
        waiting = pool.submit(ran.append, 1)
        hold.wait(10)
        waiting.cancel()
        raise KeyError
    assert ran in ([], [1])


def test_a_thread_that_cannot_start_is_an_error_and_not_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    start, begun = Thread.start, list[Thread]()

    def first_only(thread: Thread) -> None:
        if begun:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(Thread, "start", first_only)
    with pytest.raises(RuntimeError, match="can't start"), background(2, "test"):
        pass
    assert not begun[0].is_alive()
