"""Stage 3: one frozen pass, and the best closed-form head on what it saw. From here on a model exists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from numpy.typing import NDArray

from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.metric import Metric
from crosstune.core.run_dir import cache_dir
from crosstune.core.seeding import generator
from crosstune.data.items import SplitItems
from crosstune.data.stratify import hold_out
from crosstune.frozen.features import Features
from crosstune.frozen.passes import frozen_pass
from crosstune.planning.seconds import frozen_seconds, heads_seconds
from crosstune.probing.heads import FittedHead, fit_heads, training_moments
from crosstune.probing.moments import Moments
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.reserve import reserve_seconds
from crosstune.stages.run import Run

SPLITS = ("train", "validation")

RANDOM_HEAD = ("full", "head", "fpt", "orca")
"""Strategies that start from a random head, unless it is said otherwise by their name."""

REFIT_SHARE = 0.2
"""ASSUMED: of the time left for heads, what the fit on training and validation rows may need."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """Pooled features of the training and validation splits, and the heads fitted on them."""

    features: Mapping[str, Features]
    encoded: Mapping[str, NDArray[Any]]
    """Encoded targets of the same rows."""
    items: SplitItems
    """The training rows that the pass covered."""
    heads: list[FittedHead]
    """Best first (``probing/order.py``)."""
    moments: Callable[[], Mapping[str, Moments]]
    """What heads were fitted from, for a refit; made again where the heads were read back."""
    place: str = "heads"
    """Name of the heads in the journal."""
    intercept: bool = True
    """Whether the native head has one; closed-form heads need it."""

    @property
    def best(self) -> FittedHead:
        """The head to ship if nothing better is found."""
        return self.heads[0]

    @property
    def judged_on(self) -> str:
        """Say which rows put the heads in order."""
        return "validation" if self.best.pooled is None else "validation and left-out training rows"

    @property
    def native(self) -> HeadWeights | None:
        """The best head that the native head can carry, if one was fitted: where LP-FT starts."""
        if not self.intercept:
            return None
        return next((fitted.head for fitted in self.heads if fitted.head.features == "head"), None)

    def start(self, strategy: str, *, survives: bool) -> HeadWeights | None:
        """Choose the head that training starts from; ``None`` is a random one.

        Only lp-ft is about the closed-form head; others take it where dropout leaves it its worth, save those
        that begin with random parts anyway.
        """
        takes = strategy == "lp-ft" or (survives and strategy not in RANDOM_HEAD)
        return self.native if takes else None


def unprobed(prepared: Prepared) -> Probed:
    """Give what stands for closed-form heads where there are none to start from."""
    return Probed(
        features={}, encoded=prepared.encoded, items=prepared.items["train"], heads=[], moments=dict
    )


def probe(run: Run, prepared: Prepared, opened: Opened, *, place: str = "heads") -> Probed:
    """Carry the stage out; ``place`` names the heads in the journal, and the figures of a second model."""
    items, encoded = drawn_rows(prepared, opened.plan["pass_rows"], run.settings.seed)
    if place == "heads":
        run.foresee("frozen pass and closed-form heads", _foreseen(prepared, opened))
    features = {
        split: frozen_pass(
            opened.backbone,
            part,
            engine=run.settings.engine,
            cache=cache_dir() / "features",
            reporter=run.reporter,
        )
        for split, part in items.items()
    }
    seconds = sum(part.seconds for part in features.values())
    rows = sum(len(part) for part in items.values())
    prefix = "" if place == "heads" else f"{place}/"
    speed = _speed(features["train"].engine, rows / max(seconds, 1e-9), rows, seconds)
    run.measurements.append(replace(speed, name=prefix + speed.name))
    reserve = reserve_seconds(prepared.facts, opened.facts, trains=False)
    sums = cache(lambda: training_moments(prepared.task, features["train"], encoded["train"], run.settings))
    heads = run.once(
        place,
        lambda: fit_heads(
            prepared.task,
            features["train"],
            encoded["train"],
            features["validation"],
            encoded["validation"],
            settings=run.settings,
            moments=sums(),
            deadline=run.budget.reserve(reserve + REFIT_SHARE * max(0.0, run.budget.left() - reserve)),
            reporter=run.reporter,
            chosen_by=prepared.chosen_by(),
            pooled=prepared.alike,
        ),
    )
    for fitted in heads:
        run.measurements.extend(replace(one, name=prefix + one.name) for one in fitted.measurements)
    best = heads[0]
    metric = prepared.chosen_by().name
    run.reporter.say(f"best closed-form head: {best.name}, {metric} {best.value:.4f} on validation")
    intercept = opened.backbone.has_intercept
    return Probed(
        features=features,
        encoded=encoded,
        items=items["train"],
        heads=heads,
        moments=sums,
        place=place,
        intercept=intercept,
    )  # fmt: skip


def _foreseen(prepared: Prepared, opened: Opened) -> float:
    """Give the seconds of the pass and the heads, before either."""
    widths = opened.backbone.pooled_widths
    rows = opened.plan["pass_rows"]
    heads = heads_seconds(prepared.facts, (widths[-1], sum(widths)), rows)
    return frozen_seconds(prepared.facts, opened.facts, rows) + heads


def drawn_rows(
    prepared: Prepared, count: int | None, seed: int
) -> tuple[dict[str, SplitItems], dict[str, NDArray[Any]]]:
    """Give items and targets of both splits, with all or ``count`` of the training rows, stratified."""
    items = {split: prepared.items[split] for split in SPLITS}
    encoded = {split: prepared.encoded[split] for split in SPLITS}
    if count is None or count >= len(items["train"]):
        return items, encoded
    classes = prepared.task.linear_kind() == "classes"
    strata: list[Any] = encoded["train"].tolist() if classes else [0] * len(items["train"])
    if (domains := items["train"].domains()) is not None:
        strata = [(domain, repr(target)) for domain, target in zip(domains.ids.tolist(), strata, strict=True)]
    chosen = hold_out(strata, count, generator(seed, "pass rows"), keep=0)
    items["train"], encoded["train"] = items["train"].subset(chosen), encoded["train"][chosen]
    return items, encoded


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
