"""A measured figure with its interval."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Metric:
    """A figure and its 95 % interval; ``low <= value <= high`` need not hold for a bootstrap."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Give the shape that ``metrics.json`` promises: ``null`` where a figure is not defined."""
        return {name: end if math.isfinite(end) else None for name, end in asdict(self).items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, float | None]) -> "Metric":
        """Read what ``to_json`` wrote; JSON has ``null`` where a figure is not defined."""
        value, low, high = (
            math.nan if (end := raw[key]) is None else end for key in ("value", "low", "high")
        )
        return cls(value, low, high)

    def __str__(self) -> str:
        """Show value and interval with four digits."""
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"
