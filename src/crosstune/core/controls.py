"""What a model that changes its modality was compared with, for people and programs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crosstune.core.metric import Metric


@dataclass(frozen=True, kw_only=True)
class Control:
    """One arm of the comparison: the same data, a rate sweep of its own, several seeds."""

    name: str
    """``frozen body``, ``frozen random body``, ``no body`` ..."""
    model: str
    """As the user would type it; empty for a baseline without a model."""
    strategy: str
    """What moves."""
    pretrained: bool
    metric: Metric
    """Mean of the primary metric on the test split, with its interval over rows and seeds."""
    values: tuple[float, ...]
    """One for each seed."""
    lr: float | None = None
    """What its sweep chose."""
    swept: tuple[tuple[float, float], ...] = ()
    """(rate, primary metric on validation) of the trials of the first seed."""
    seconds: float = 0.0

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Control":
        """Read what JSON made of it."""
        swept = tuple((rate, float("nan") if value is None else value) for rate, value in raw["swept"])
        metric = Metric.from_json(raw["metric"])
        return cls(**{**raw, "metric": metric, "values": tuple(raw["values"]), "swept": swept})


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much better one arm is than another; positive is better."""

    ours: str
    theirs: str
    metric: Metric
    """Paired over the test rows, with the spread of the seeds (``evaluation/seeds.py``)."""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Gain":
        """Read what JSON made of it."""
        return cls(ours=raw["ours"], theirs=raw["theirs"], metric=Metric.from_json(raw["metric"]))


@dataclass(frozen=True, kw_only=True)
class Controls:
    """All arms, and the differences that say what pretraining is worth."""

    rows: tuple[Control, ...]
    gains: tuple[Gain, ...]
    """The first is the one that answers whether pretraining on the other modality helped."""
    seeds: int
    examples: int
    """Test rows."""
    read: str
    """What the body was pretrained on: ``texts``."""
    skipped: tuple[tuple[str, str], ...] = ()
    """(arm, why) of those that could not be made."""

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Controls":
        """Read what ``to_json`` gave."""
        rows = tuple(Control.from_json(row) for row in raw["rows"])
        gains = tuple(Gain.from_json(row) for row in raw["gains"])
        skipped = tuple((name, why) for name, why in raw["skipped"])
        return cls(**{**raw, "rows": rows, "gains": gains, "skipped": skipped})
