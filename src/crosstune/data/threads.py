"""Running one function over many arguments on a few threads, in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def thread_count() -> int:
    """Count the threads that decoding may use: the cores of this process, at most eight."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def each_in_order(function: Callable[[Argument], Result], arguments: Iterable[Argument]) -> Iterator[Result]:
    """Apply ``function`` to all arguments; yield results in order, with a few ahead at most.

    The first exception is raised. The pool lives for this call only: one that is kept at module level
    would hang in forked data workers.
    """
    ahead = 4 * thread_count()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(thread_count()) as pool:
        try:
            for argument in arguments:
                waiting.append(pool.submit(function, argument))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
