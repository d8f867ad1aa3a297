"""Stage 3: one frozen pass, and the best closed-form head on what it saw. From here on a model exists."""

from collections.abc import Mapping
from dataclasses import dataclass

from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.run_dir import cache_dir
from crosstune.core.settings import Settings, with_values
from crosstune.frozen.features import Features
from crosstune.frozen.passes import frozen_pass
from crosstune.probing.heads import FittedHead, fit_heads
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run


@dataclass(frozen=True, kw_only=True)
class Probed:
    """Pooled features of the training and validation splits, and the heads fitted on them."""

    features: Mapping[str, Features]
    heads: list[FittedHead]
    """Best first, by the primary metric on validation."""

    @property
    def best(self) -> FittedHead:
        """The head to ship if nothing better is found."""
        return self.heads[0]

    @property
    def native(self) -> HeadWeights | None:
        """The best head that the native head can carry, if one was fitted: where LP-FT starts."""
        return next((fitted.head for fitted in self.heads if fitted.head.features == "head"), None)


def probe(run: Run, prepared: Prepared, opened: Opened) -> Probed:
    """Carry the stage out."""
    features = {}
    for split in ("train", "validation"):
        features[split] = frozen_pass(
            opened.backbone,
            prepared.items[split],
            engine=run.options.settings_overrides().get("engine", Settings.engine),
            cache=cache_dir() / "features",
            reporter=run.reporter,
        )
    seconds = sum(part.seconds for part in features.values())
    rows = sum(len(prepared.items[split]) for split in features)
    run.measurements.append(_speed(features["train"].engine, rows / max(seconds, 1e-9), rows, seconds))
    settings = with_values(Settings(), run.options.settings_overrides())
    heads = run.once(
        "heads",
        lambda: fit_heads(
            prepared.task,
            features["train"],
            prepared.encoded["train"],
            features["validation"],
            prepared.encoded["validation"],
            settings=settings,
            deadline=run.budget.reserve(reserve_seconds(prepared, opened)),
            reporter=run.reporter,
        ),
    )
    for fitted in heads:
        run.measurements.extend(fitted.measurements)
    best = heads[0]
    metric = next(iter(prepared.task.metrics))
    run.reporter.say(f"best closed-form head: {best.name}, {metric} {best.value:.4f} on validation")
    return Probed(features=features, heads=heads)


def _speed(engine: str, speed: float, rows: int, seconds: float) -> Measurement:
    return Measurement(
        name="speed/frozen-pass",
        candidate=engine,
        figure="examples per second",
        metric=Metric(speed, speed, speed),
        examples=rows,
        seed=0,
        seconds=seconds,
    )
