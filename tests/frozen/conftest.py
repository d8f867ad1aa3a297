"""Tiny backbones, opened once for the room; a test that changes one takes a copy."""

import copy
from collections.abc import Iterator

import pytest
import torch

from crosstune.sources.base import Backbone
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import (
    KINDS,
    Kind,
    MemoryItems,
    random_raw,
    tiny_backbone,
)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def _opened(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Backbone]:
    folder = tmp_path_factory.mktemp("tiny")
    return {kind: tiny_backbone(kind, 3, folder) for kind in KINDS}


@pytest.fixture
def backbone(_opened: dict[Kind, Backbone]) -> OpenTiny:
    """Give a function from a family to a fresh copy of its tiny backbone."""

    def fresh(kind: Kind) -> Backbone:
        original = _opened[kind]
        made = copy.copy(original)
        made.model = copy.deepcopy(original.model)
        return made

    return fresh


@pytest.fixture
def items() -> MakeItems:
    """Give a function from a family and a count to random examples for it."""

    def make(kind: Kind, count: int = 12, seed: int = 0) -> MemoryItems:
        return MemoryItems(random_raw(kind, count, seed))

    return make
