"""What a finished run knows about itself: the one value that reports are made from. All JSON."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from crosstune.core.controls import Controls
from crosstune.core.domain_table import DomainTable
from crosstune.core.forgetting import Forgetting
from crosstune.core.gap import Gap
from crosstune.core.metric import Metric
from crosstune.core.plan import Plan
from crosstune.core.ranking import RankRow
from crosstune.core.trial import TrialRow


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a learning curve."""

    name: str
    steps: list[int]
    values: list[float]

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "Curve":
        """Read what ``to_json`` gave; JSON has ``null`` where a figure is not defined."""
        values = [math.nan if value is None else value for value in raw["values"]]
        return cls(name=raw["name"], steps=list(raw["steps"]), values=values)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One confidently wrong prediction (or largest residual)."""

    origin: str
    """File, or file and row."""
    truth: str
    predicted: str
    score: float
    """Confidence in [0, 1], or the absolute residual for regression."""
    text: str | None = None
    picture: str | None = None
    """A PNG or JPEG as a ``data:`` address; made by the pipeline, never by the data's owner."""
    sound: str | None = None
    """The utterance as a ``data:`` address, for a player on the page."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """Everything the report page and the model card show."""

    task: str
    primary_metric: str
    higher_is_better: bool
    model: str
    """The name of the pretrained model, as the user would type it."""
    licence: str
    shipped: str
    """What was shipped, in words: ``fine-tuned (lp-ft)``, ``closed-form head (ridge, all blocks)``."""
    loads_with: str
    """Python lines that load ``model/``."""
    data: str
    """The data, as the user named it."""
    classes: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    """Examples by split, after the check; and ``set aside``."""
    class_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """By split, then class name."""
    findings: tuple[tuple[str, str, str], ...] = ()
    """(severity: error | warning | note, code, sentence) from the check."""
    validation: dict[str, Metric] = field(default_factory=dict)
    test: dict[str, Metric] = field(default_factory=dict)
    leaked: int = 0
    """Test examples that training or validation has as well, equal or nearly equal."""
    test_without_leaks: dict[str, Metric] = field(default_factory=dict)
    """The test metrics without them; empty where there are none, or hardly any other."""
    out_of_domain: dict[str, Metric] = field(default_factory=dict)
    """Metrics on the rows of held-out domains; empty where none is held out."""
    out_of_domain_baselines: dict[str, dict[str, Metric]] = field(default_factory=dict)
    domains: DomainTable | None = None
    """Figures domain by domain; ``None`` where rows have no domain."""
    baselines: dict[str, dict[str, Metric]] = field(default_factory=dict)
    """Name of the baseline to its test metrics."""
    candidates: dict[str, Metric] = field(default_factory=dict)
    """Primary metric on validation of everything that could have been shipped."""
    comparison: str = ""
    """The sentence about the paired interval that decided what was shipped."""
    confusion: list[list[int]] = field(default_factory=list)
    """Rows: truth; columns: predicted; in class order."""
    confusion_names: tuple[str, ...] = ()
    """Of its rows and columns, where they are not just the classes: of boxes, the background too."""
    precision_by_recall: tuple[Curve, ...] = ()
    """Of found boxes: steps are recalls in percent; one for each class, or their mean."""
    calibration: list[tuple[float, float, int]] = field(default_factory=list)
    """(mean confidence, accuracy, count) for each non-empty bin; empty for regression."""
    scatter: list[tuple[float, float]] = field(default_factory=list)
    """(truth, predicted) for regression, at most 2,000 of them."""
    curves: tuple[Curve, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    plan: Plan = field(default_factory=Plan)
    ranking: tuple[RankRow, ...] = ()
    """Models that were compared, best first; empty where one was named."""
    skipped: tuple[tuple[str, str], ...] = ()
    """(model, why) for those that were not compared."""
    depth: tuple[tuple[str, Metric], ...] = ()
    """Ridge on each block of the shipped model alone, in order, on validation."""
    controls: Controls | None = None
    """What a model that changes its modality was compared with, where that was asked for."""
    trials: tuple[TrialRow, ...] = ()
    """Configurations that were tried for a short time, in the order in which they were."""
    forgetting: Forgetting | None = None
    """What the shipped body has lost against the pretrained one."""
    gap: Gap | None = None
    """Between what was trained on and the test split, without labels; ``None`` where it was not measured."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage, in order, and ``total``."""
    predicted_seconds: dict[str, float] = field(default_factory=dict)
    """What some of the stages were expected to take when they began."""
    budget: float | None = None
    warnings: tuple[str, ...] = ()
    """Alarms of the run, in words."""
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self) | {"plan": self.plan.to_json(), "gap": self.gap and self.gap.to_json()}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "RunSummary":
        """Read what ``to_json`` gave."""

        def metrics(table: dict[str, dict[str, float]]) -> dict[str, Metric]:
            return {name: Metric.from_json(row) for name, row in table.items()}

        return cls(
            **{
                **raw,
                "classes": tuple(raw["classes"]),
                "findings": tuple(tuple(row) for row in raw["findings"]),
                "validation": metrics(raw["validation"]),
                "test": metrics(raw["test"]),
                "test_without_leaks": metrics(raw.get("test_without_leaks", {})),
                "baselines": {name: metrics(table) for name, table in raw["baselines"].items()},
                "out_of_domain": metrics(raw.get("out_of_domain", {})),
                "out_of_domain_baselines": {
                    name: metrics(table) for name, table in raw.get("out_of_domain_baselines", {}).items()
                },
                "domains": DomainTable.from_json(raw["domains"]) if raw.get("domains") else None,
                "candidates": metrics(raw["candidates"]),
                "calibration": [tuple(row) for row in raw["calibration"]],
                "scatter": [tuple(row) for row in raw["scatter"]],
                "confusion_names": tuple(raw.get("confusion_names", ())),
                "precision_by_recall": tuple(
                    Curve.from_json(row) for row in raw.get("precision_by_recall", ())
                ),
                "curves": tuple(Curve.from_json(row) for row in raw["curves"]),
                "mistakes": tuple(Mistake(**row) for row in raw["mistakes"]),
                "plan": Plan.from_json(raw["plan"]),
                "ranking": tuple(RankRow.from_json(row) for row in raw.get("ranking", ())),
                "skipped": tuple((name, why) for name, why in raw.get("skipped", ())),
                "depth": tuple((block, Metric.from_json(row)) for block, row in raw.get("depth", ())),
                "trials": tuple(TrialRow.from_json(row) for row in raw.get("trials", ())),
                "forgetting": Forgetting.from_json(raw["forgetting"]) if raw.get("forgetting") else None,
                "controls": Controls.from_json(raw["controls"]) if raw.get("controls") else None,
                "gap": Gap.from_json(raw["gap"]) if raw.get("gap") else None,
                "warnings": tuple(raw["warnings"]),
            }
        )
