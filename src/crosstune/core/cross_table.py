"""One table of several runs on several sets: rows say what was trained on, columns what was tested on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from crosstune.core.errors import UnknownName
from crosstune.core.metric import Metric


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run on one set."""

    run: str
    """As it was named."""
    data: str
    split: str
    """Of the set, that was measured: test, else validation, else the only one."""
    rows: int
    metrics: dict[str, Metric]
    """The primary one of the run's task first."""
    set_aside: dict[str, int] = field(default_factory=dict)
    """Rows by the reason why they could not be used."""
    between: dict[str, Any] = field(default_factory=dict)
    """What is known between the rows: repeated ones, those that the run was trained on."""


@dataclass(frozen=True, kw_only=True)
class CrossTable:
    """All runs on all sets."""

    runs: tuple[str, ...]
    trained_on: dict[str, str]
    """By run: its data, as it was named then."""
    sets: tuple[str, ...]
    cells: tuple[Cell, ...]

    def cell(self, run: str, data: str) -> Cell:
        """Give one cell; raises ``KeyError`` where there is none."""
        for one in self.cells:
            if (one.run, one.data) == (run, data):
                return one
        raise KeyError((run, data))

    def metric(self, run: str, name: str | None = None) -> str:
        """Give the metric that a row shows: ``name``, or the primary one of the run's task.

        Raises ``UnknownName`` where the run has no such metric.
        """
        known = next(list(one.metrics) for one in self.cells if one.run == run)
        if name is not None and name not in known:
            raise UnknownName("metric", name, known)
        return name or known[0]

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        cells = [
            asdict(cell) | {"metrics": {name: metric.to_json() for name, metric in cell.metrics.items()}}
            for cell in self.cells
        ]
        return asdict(self) | {"cells": cells}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "CrossTable":
        """Read what ``to_json`` gave."""
        cells = tuple(
            Cell(**{**one, "metrics": {name: Metric.from_json(row) for name, row in one["metrics"].items()}})
            for one in raw["cells"]
        )
        return cls(
            runs=tuple(raw["runs"]),
            trained_on=dict(raw["trained_on"]),
            sets=tuple(raw["sets"]),
            cells=cells,
        )
