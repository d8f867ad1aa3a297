"""The processes that a launcher has started together, as its environment says; and hiding them for a while.

``torchrun`` and ``accelerate launch`` tell each process its number and how many there are. accelerate, peft
and transformers read the same variables, so a process that shall work alone for a while must not show them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LAUNCHED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_RANK",
            "ROLE_WORLD_SIZE", "ACCELERATE_USE_FSDP")  # fmt: skip
"""What makes libraries believe that they are one of several."""


@dataclass(frozen=True)
class Launched:
    """What the launcher said."""

    world: int = 1
    rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process is the first, which alone writes and speaks."""
        return self.rank == 0


_hidden: dict[str, str] = {}
"""The variables of this process while they are hidden."""


def launched() -> Launched:
    """Say what the launcher said, hidden or not."""
    found = {**os.environ, **_hidden}
    return Launched(int(found.get("WORLD_SIZE") or 1), int(found.get("RANK") or 0))


def works_alone() -> bool:
    """Whether this process is one of several and works alone for the moment."""
    return bool(_hidden)


@contextmanager
def hidden() -> Iterator[None]:
    """Let this process be the only one, as far as libraries can see."""
    _hidden.update({name: os.environ.pop(name) for name in LAUNCHED if name in os.environ})
    try:
        yield
    finally:
        os.environ.update(_hidden)
        _hidden.clear()


@contextmanager
def shown() -> Iterator[None]:
    """Within :func:`hidden`: be one of several again."""
    before = dict(_hidden)
    os.environ.update(before)
    _hidden.clear()
    try:
        yield
    finally:
        for name in before:
            os.environ.pop(name, None)
        _hidden.update(before)
