"""Rows of a split are the rows that were chosen."""

import dataclasses

import numpy as np

from crosstune.core.domains import Domains
from crosstune.training.rows import Rows
from tests.support.tiny import MemoryItems


def test_rows_are_those_that_were_chosen() -> None:
    whole = MemoryItems(["a", "b", "c", "d"], [1, 2, 3, 4])
    rows = Rows(whole, [3, 1])
    assert len(rows) == 2
    assert rows.batch([0, 1]) == ["d", "b"]
    assert rows.targets() == [4, 2]
    assert rows.origins() == ["memory:3", "memory:1"]
    assert rows.digest == Rows(whole, (3, 1)).digest
    assert len({rows.digest, whole.digest, dataclasses.replace(rows, chosen=[1, 3]).digest}) == 3
    assert Rows(MemoryItems(["a"]), [0]).targets() == []


def test_rows_keep_their_domains() -> None:
    whole = MemoryItems(["a", "b", "c"], sources=Domains(("shop", "web"), np.array([0, 1, 1])))
    chosen = Rows(whole, [2, 0]).domains()
    assert chosen is not None
    assert chosen.ids.tolist() == [1, 0]
    assert chosen.present == ("shop", "web")
    assert Rows(MemoryItems(["a"]), [0]).domains() is None
