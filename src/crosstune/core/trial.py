"""What a short training gave, for people and programs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crosstune.core.metric import Metric

LOSSES = ("log-loss", "rmse", "cer", "token-loss")
"""Figures that tell trials apart whose first figures are alike; a task has one of them, or none."""


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One configuration that was tried before the last training."""

    round: int
    """1, or 2 for those that were tried again for longer."""
    model: str
    """With its size, as in the ranking."""
    moves: str
    """What moved: ``lp-ft``, ``full``, ``last 3 blocks``."""
    lr: float
    metric: Metric
    """The user's metric on validation rows at the end of the trial."""
    loss: float
    """That of ``LOSSES`` on the same rows; without one, minus what counts as better of ``metric``."""
    epochs: float
    seconds: float
    chosen: bool = False
    """Whether the last training took its configuration."""

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "TrialRow":
        """Read what ``to_json`` gave; JSON has ``null`` where a figure is not defined."""
        loss = float("nan") if raw["loss"] is None else raw["loss"]
        return cls(**{**raw, "metric": Metric.from_json(raw["metric"]), "loss": loss})
