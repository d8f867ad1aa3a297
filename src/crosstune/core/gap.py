"""How far two sets of examples lie apart: the values that are written down and shown. All JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from crosstune.core.metric import Metric


class GapLevel(StrEnum):
    """What the distances come to."""

    NONE = "none"
    """The sets cannot be told apart."""
    SOME = "some"
    LARGE = "large"


@dataclass(frozen=True, kw_only=True)
class GapSet:
    """One of the two sets."""

    name: str
    """As the user named it, or the name of a split."""
    rows: int
    """That can be used."""
    sampled: int
    """That were looked at."""
    set_aside: int = 0
    """That could not be read."""


@dataclass(frozen=True, kw_only=True)
class GapDistance:
    """A distance that is not judged by an interval."""

    value: float
    """Without its bias; about zero, of either sign, where nothing differs."""
    between: float | None = None
    """As measured between the two sets, on halves."""
    within: float | None = None
    """As measured between halves of one set: the bias that is taken off."""


@dataclass(frozen=True, kw_only=True)
class GapProperty:
    """A simple property of the raw inputs."""

    name: str
    more: Metric
    """Chance that an example of the second set has more of it than one of the first."""
    medians: tuple[float, float]
    differs: bool


@dataclass(frozen=True, kw_only=True)
class GapWitness:
    """An example that gives its set away."""

    second: bool
    """Whether it is one of the second set."""
    origin: str
    """File, or file and row."""
    margin: float
    """How surely a rule that has not seen it knows its set; in the rule's own units."""
    text: str | None = None
    picture: str | None = None
    """A JPEG as a ``data:`` address."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The gap between a first and a second set, on the features of one model."""

    first: GapSet
    second: GapSet
    modality: str
    model: str
    """With the size in pixels, where it has one."""
    features: str
    """Of which block."""
    level: GapLevel
    grouped: bool
    """Whether rows belong together, so that whole groups were left out and drawn."""
    distance: Metric
    """Proxy A-distance, in [0, 2]."""
    auc: Metric
    """Of the rule that tells the sets apart."""
    mmd: GapDistance
    mmd_p: float
    coral: GapDistance | None = None
    frechet: GapDistance | None = None
    otdd: GapDistance | None = None
    properties: tuple[GapProperty, ...] = ()
    """The largest difference first; empty where they were not measured."""
    witnesses: tuple[GapWitness, ...] = ()
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
    seed: int = 0
    seconds: float = 0.0
    versions: tuple[tuple[str, str], ...] = ()

    @property
    def differing(self) -> tuple[GapProperty, ...]:
        """Give the properties that differ, the largest difference first."""
        return tuple(one for one in self.properties if one.differs)

    def to_json(self) -> dict[str, Any]:
        """Give plain values; pictures stand on the page only."""
        raw = asdict(self) | {"level": str(self.level)}
        return raw | {"witnesses": [{**one, "picture": None} for one in raw["witnesses"]]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Gap":
        """Read what ``to_json`` gave."""
        distances = {
            name: None if raw[name] is None else GapDistance(**raw[name])
            for name in ("mmd", "coral", "frechet", "otdd")
        }
        made = {
            **raw,
            **distances,
            "first": GapSet(**raw["first"]),
            "second": GapSet(**raw["second"]),
            "level": GapLevel(raw["level"]),
            "distance": Metric.from_json(raw["distance"]),
            "auc": Metric.from_json(raw["auc"]),
            "properties": tuple(
                GapProperty(
                    **{**one, "more": Metric.from_json(one["more"]), "medians": tuple(one["medians"])}
                )
                for one in raw["properties"]
            ),
            "witnesses": tuple(GapWitness(**one) for one in raw["witnesses"]),
            "notes": tuple(raw["notes"]),
            "versions": tuple((name, version) for name, version in raw["versions"]),
        }
        return cls(**made)
