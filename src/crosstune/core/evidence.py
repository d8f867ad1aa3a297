"""Measurements: what was measured, on how many examples, at what cost."""

from dataclasses import asdict, dataclass
from typing import Any

from crosstune.core.metric import Metric


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measured candidate."""

    name: str
    """Unique within a run, such as ``closed-form/ridge@all``."""
    candidate: str
    figure: str
    """The name of the figure, such as ``accuracy``."""
    metric: Metric
    examples: int
    seed: int
    seconds: float
    detail: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the row that ``evidence.json`` holds."""
        return asdict(self)
