"""Figures of a run domain by domain: what reports show and ``metrics.json`` holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from crosstune.core.metric import Metric


@dataclass(frozen=True, kw_only=True)
class DomainRow:
    """One domain in one split."""

    domain: str
    split: str
    """``validation``, ``test`` or ``out-of-domain``."""
    rows: int
    """Examples; figures of few have wide intervals."""
    metrics: dict[str, Metric]


@dataclass(frozen=True, kw_only=True)
class DomainTable:
    """All domains of a run."""

    column: str
    """Of the data, that says which domain a row is from."""
    select_by: str
    """What choices looked at: overall, worst-domain or mean-domain."""
    held_out: tuple[str, ...] = ()
    """Domains that were never trained on."""
    rows: tuple[DomainRow, ...] = ()
    worst: dict[str, dict[str, Metric]] = field(default_factory=dict)
    """By split, then metric: the figure of the domain in which it is worst."""
    worst_domain: dict[str, str] = field(default_factory=dict)
    """By split: the domain in which the primary metric is worst."""
    mean: dict[str, dict[str, Metric]] = field(default_factory=dict)
    """By split, then metric: the mean over domains, each counting the same."""

    def of(self, split: str) -> tuple[DomainRow, ...]:
        """Give the rows of one split."""
        return tuple(row for row in self.rows if row.split == split)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "DomainTable":
        """Read what ``to_json`` gave."""

        def metrics(table: Mapping[str, Any]) -> dict[str, Metric]:
            return {name: Metric.from_json(row) for name, row in table.items()}

        return cls(
            column=raw["column"],
            select_by=raw["select_by"],
            held_out=tuple(raw["held_out"]),
            rows=tuple(DomainRow(**{**row, "metrics": metrics(row["metrics"])}) for row in raw["rows"]),
            worst={split: metrics(table) for split, table in raw["worst"].items()},
            worst_domain=dict(raw["worst_domain"]),
            mean={split: metrics(table) for split, table in raw["mean"].items()},
        )
