"""Threads that prepare batches while a model computes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import torch


@contextmanager
def background(workers: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of threads whose tensor operations take one core each.

    By default every thread that runs a tensor operation gets a team of OpenMP threads as large as the
    machine, and the teams wait by spinning: with two cores, normalising batches in one thread made the
    steps of a model in another 1.6 times as long. The thread that asks keeps its own number.

    Args:
        workers: threads.
        name: what they are called.

    Checked by: ``tests/frozen/test_background.py``.
    """
    whole = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
    started = Barrier(workers)

    def alone() -> None:
        torch.get_num_threads()  # a thread that never asked would take the default later
        torch.set_num_threads(1)
        started.wait()  # so that every thread runs this once

    try:
        for one in [pool.submit(alone) for _ in range(workers)]:
            one.result()
        # What one thread sets is also the default of threads that come later: put back.
        torch.set_num_threads(whole)
        yield pool
    finally:
        started.abort()  # where not all of them could start, the others would wait for ever
        pool.shutdown(wait=True, cancel_futures=True)
