"""The process group in which a model is trained together: made for one training, and gone after it.

Between two trainings the store of the launcher stays, through which the first process calls the others.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count

import torch
from accelerate.state import AcceleratorState
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from crosstune.core.processes import Launched, launched

POLL = 0.2
"""Seconds between two looks whether the first process has called."""
PIECE = 1 << 22
"""Bytes of a message that the store is given at once; it refuses values of more than 8 MiB."""
_numbers = count()


@cache
def store() -> Store:
    """Return the store that all launched processes share; the launcher, or the first of them, holds it."""
    found: Store = next(rendezvous("env://"))[0]
    return found


def call(key: str, message: bytes) -> None:
    """Leave a message for the processes that wait for ``key``."""
    pieces = [message[start : start + PIECE] for start in range(0, len(message), PIECE)]
    for number, piece in enumerate(pieces):
        store().set(f"{key}/{number}", piece)  # type: ignore[arg-type]
    store().set(key, str(len(pieces)))


def wait(key: str) -> bytes:
    """Wait for a message, however long it takes; signals are heeded meanwhile."""
    while not store().check([key]):
        time.sleep(POLL)
    return b"".join(store().get(f"{key}/{number}") for number in range(int(store().get(key))))


@contextmanager
def joined() -> Iterator[Launched]:
    """Be one of the processes that train together; afterwards no group is left, and accelerate knows of none.

    Every process must enter it equally often.
    """
    who = launched()
    here = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    distributed.init_process_group(
        backend=distributed.get_default_backend_for_device(here),
        store=PrefixStore(f"training-{next(_numbers)}", store()),
        rank=who.rank,
        world_size=who.world,
    )
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        yield who
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        AcceleratorState._reset_state(reset_partial_state=True)
