"""What a ranking of models says, for people and programs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from crosstune.core.metric import Metric

TRAINING_ROWS = "training rows"


def model_label(model: str, image_size: int | None, *, pretrained: bool = True) -> str:
    """Name a model as it is compared: its size in pixels where it has one, and whether it is a control."""
    size = f" @{image_size}" if image_size else ""
    return f"{model}{size}{'' if pretrained else ' (random weights)'}"


@dataclass(frozen=True, kw_only=True)
class RankRow:
    """One measured model."""

    model: str
    """As the user would type it."""
    image_size: int | None = None
    """Side in pixels at which it was measured; ``None`` where it has no such choice."""
    pretrained: bool = True
    """False for the control with random weights."""
    figure: str
    """The user's metric."""
    score: Metric
    """What decides: the mean of the two below."""
    ridge: Metric
    """Of ridge regression on frozen features, each row answered without having been seen."""
    neighbours: Metric
    """Of the nearest neighbours of each row."""
    shortlisted: bool
    """Whether the rows cannot tell it from the best."""
    rate: float
    """Examples a second through the frozen model, here."""
    accuracy: float | None = None
    """The public figure of the catalogue, in percent."""
    examples: int
    """Rows that it was measured on."""
    rows_are: str = TRAINING_ROWS
    """What these rows are, in words behind their number."""
    depth: tuple[tuple[str, Metric], ...] = ()
    """Ridge on each block alone, in order."""
    beside: Mapping[str, Metric] = field(default_factory=dict)
    """Scores that are reported and do not decide."""

    @property
    def label(self) -> str:
        """Name the model, its size, and whether it is a control."""
        return model_label(self.model, self.image_size, pretrained=self.pretrained)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RankRow":
        """Read what ``to_json`` gave."""
        metrics = {name: Metric.from_json(raw[name]) for name in ("score", "ridge", "neighbours")}
        depth = tuple((block, Metric.from_json(metric)) for block, metric in raw["depth"])
        beside = {name: Metric.from_json(metric) for name, metric in raw["beside"].items()}
        return cls(**{**raw, **metrics, "depth": depth, "beside": beside})
