"""Types of the fixtures of this room."""

from collections.abc import Callable
from typing import Protocol

from crosstune.sources.base import Backbone
from tests.support.tiny import Kind, MemoryItems

OpenTiny = Callable[[Kind], Backbone]


class MakeItems(Protocol):
    """From a family, a count and a seed to random examples."""

    def __call__(self, kind: Kind, count: int = 12, seed: int = 0) -> MemoryItems:
        """Make them."""
        ...
