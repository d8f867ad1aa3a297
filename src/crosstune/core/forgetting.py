"""What a training has taken from the pretrained body, as values that reports are made from. All JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crosstune.core.metric import Metric


@dataclass(frozen=True, kw_only=True)
class ProbeRow:
    """A linear probe on one unrelated set, before and after training."""

    name: str
    question: str
    examples: int
    before: Metric
    after: Metric
    drop: Metric
    """before - after, by a paired interval; positive is forgotten."""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "ProbeRow":
        """Read what ``asdict`` gave."""
        metrics = {name: Metric.from_json(raw[name]) for name in ("before", "after", "drop")}
        return cls(**{**raw, **metrics})


@dataclass(frozen=True, kw_only=True)
class BlockDrift:
    """How far one block is from what it was."""

    block: str
    alignment: float
    """Linear CKA of its features on the unrelated sets, averaged over them; 1 is unchanged."""
    own_alignment: float
    """The same on the run's own validation examples."""
    change: float
    """``|after - before| / |before|`` of its weights; 0 is unchanged."""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "BlockDrift":
        """Read what ``asdict`` gave; JSON has ``null`` where a figure is not defined."""
        known: dict[str, Any] = {name: math.nan if value is None else value for name, value in raw.items()}
        return cls(**known)


@dataclass(frozen=True, kw_only=True)
class LanguageLoss:
    """The loss of a language model's own next-token head on general texts, in nats for each token."""

    texts: int
    tokens: int
    before: Metric
    after: Metric
    rise: Metric
    """after - before, by a paired interval; positive is forgotten."""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "LanguageLoss":
        """Read what ``asdict`` gave."""
        metrics = {name: Metric.from_json(raw[name]) for name in ("before", "after", "rise")}
        return cls(**{**raw, **metrics})


@dataclass(frozen=True, kw_only=True)
class LinePoint:
    """One point between the pretrained body and the tuned one."""

    alpha: float
    """Share of the tuned weights."""
    metric: Metric
    """The task's primary metric on validation."""
    kept: float
    """Share of the base model's probe accuracy on unrelated sets; NaN where it was not measured."""
    chosen: bool = False

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "LinePoint":
        """Read what ``asdict`` gave; JSON has ``null`` where a figure is not defined."""
        kept = math.nan if raw["kept"] is None else raw["kept"]
        return cls(**{**raw, "metric": Metric.from_json(raw["metric"]), "kept": kept})


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """What was measured, or why nothing was."""

    skipped: str = ""
    """Why nothing was measured, as a sentence; empty where something was."""
    unprobed: str = ""
    """Why there are no probes, where the loss on general texts alone was measured."""
    probes: tuple[ProbeRow, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    """(set, why) for those that are not unrelated to this task."""
    kept: float = 1.0
    """Mean over the sets of the probe's accuracy after training over that before."""
    blocks: tuple[BlockDrift, ...] = ()
    divergence: Metric | None = None
    """Mean KL, in nats, from the base model's predictions of its own classes to those of the tuned body, on
    validation examples; ``None`` where the model came without a classifier."""
    source_classes: int = 0
    language: LanguageLoss | None = None
    """``None`` where a body names no tokens, or did so by a head that was not its input embeddings."""
    line: tuple[LinePoint, ...] = ()
    """By alpha; empty where the time did not suffice, or there is no line."""
    line_words: str = ""
    """What moves along the line, or why there is none."""
    least: float | None = None
    """What ``keep_at_least`` asked for."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Forgetting":
        """Read what ``to_json`` gave."""
        known, language = raw["divergence"], raw.get("language")
        return cls(
            **{
                **raw,
                "probes": tuple(ProbeRow.from_json(row) for row in raw["probes"]),
                "left_out": tuple((name, why) for name, why in raw["left_out"]),
                "blocks": tuple(BlockDrift.from_json(row) for row in raw["blocks"]),
                "divergence": None if known is None else Metric.from_json(known),
                "language": None if language is None else LanguageLoss.from_json(language),
                "line": tuple(LinePoint.from_json(row) for row in raw["line"]),
            }
        )
