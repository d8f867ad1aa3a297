"""Rows that are set aside late are gone from everything that goes by rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from crosstune.stages.leaks import leaked_rows
from crosstune.stages.set_aside import _without


@dataclass(frozen=True)
class Facts:
    """As far as they change."""

    train_rows: int = 0
    validation_rows: int = 0


@dataclass(frozen=True)
class Data:
    """As far as it changes."""

    alike: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """Data that are ready, as far as rows go."""

    data: Data
    items: dict[str, Any]
    encoded: dict[str, Any]
    facts: Facts


class Rows(list[int]):
    """Items that are numbers."""

    def subset(self, rows: list[int]) -> "Rows":
        """Take some of them."""
        return Rows(self[row] for row in rows)


def test_what_was_compared_goes_by_the_rows_that_are_left() -> None:
    alike = {"train": np.array([7, 8]), "validation": np.array([9]), "test": np.array([1, 7, 2, 9])}
    counts = {"train": 3, "validation": 1, "test": 4}  # training has a row that was not compared
    items = {name: Rows(range(count)) for name, count in counts.items()}
    encoded = {name: np.arange(count) for name, count in counts.items()}
    held: Any = Prepared(Data(alike), items, encoded, Facts())
    left = _without(held, {"test": {0, 3}, "train": {2}})
    assert left.data.alike["test"].tolist() == [7, 2]
    assert left.data.alike["train"].tolist() == [7, 8]
    assert leaked_rows(left).tolist() == [True, False]
    assert (len(left.items["test"]), len(left.encoded["test"]), left.facts.train_rows) == (2, 2, 2)
