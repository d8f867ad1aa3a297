"""The process group in which a model is trained together: made for one training, and gone after it.

Between two trainings the store of the launcher stays, through which the first process calls the others.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from itertools import count

import torch
from accelerate.state import AcceleratorState
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from crosstune.core.processes import Launched, launched
from crosstune.training.errors import WrongWorldSize

POLL = 0.2
"""Seconds between two looks whether the first process has called."""
ARRIVAL = 300.0
"""Seconds within which all processes must have begun."""
PIECE = 1 << 22
"""Bytes of a message that the store is given at once; it refuses values of more than 8 MiB."""
_numbers = count()


@cache
def store() -> Store:
    """Return the store that all launched processes share; the launcher, or the first of them, holds it."""
    found: Store = next(rendezvous("env://", timeout=timedelta(seconds=ARRIVAL)))[0]
    return found


def arrive(key: str) -> None:
    """Wait until all processes that the launcher has promised are here, but not for long.

    Raises:
        WrongWorldSize: they are not, or there is no launcher behind the variables.
    """
    world, deadline = launched().world, time.monotonic() + ARRIVAL
    try:
        here = store().add(f"{key}/here", 1)
    except (ValueError, distributed.DistError) as error:
        raise WrongWorldSize(1, world) from error
    while here < world:
        if time.monotonic() > deadline:
            raise WrongWorldSize(here, world)
        time.sleep(POLL)
        here = store().add(f"{key}/here", 0)


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
