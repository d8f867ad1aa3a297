"""After training: BatchNorm statistics of the place of use, where validation allows them."""

import time
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from crosstune.core.evidence import Measurement
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.probing.intervals import measured
from crosstune.stages.opening import Opened
from crosstune.stages.outcome import difference, saved_model
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.unlabelled import unlabelled
from crosstune.training.batchnorm import LEAST_ROWS, reestimate
from crosstune.training.judge import put, whole

SETTING = "batchnorm_statistics"
"""What the plan calls the choice: of ``training``, or of the ``target``."""


def adapt_to_target(run: Run, prepared: Prepared, opened: Opened, plan: Plan) -> Plan:
    """Let the tuned model hold statistics of ``adapt_to`` where the figure on validation does not fall.

    Validation is of the place that the labels come from, so that it can only say that nothing is lost there;
    what is gained at the target, labels of the target would have to say.

    Checked by: ``tests/stages/test_adapt.py``.
    """
    place = run.options.adapt_to
    if place is None:
        return plan
    began = time.monotonic()
    items = unlabelled(run, prepared, opened, place)
    if len(items) < LEAST_ROWS:
        why = f"only {len(items)} rows of {place} can be used, and statistics of so few would be noise"
        return _decided(run, plan, Decision(SETTING, "training", Basis.MEASURED, why))
    before = whole(opened.backbone)
    compared = _Compared(run, prepared, opened)
    first = compared.outputs("training")
    reestimate(opened.backbone, items, seed=run.settings.seed)
    second = compared.outputs("target")
    gain = difference(prepared, second, first)
    run.measurements.extend(compared.rows(began))
    taken = gain.value >= 0
    if not taken:
        put(opened.backbone, before)
    metric = prepared.chosen_by().name
    why = (
        f"{metric} on validation {'does not fall' if taken else 'falls'} with the statistics of "
        f"{len(items):,} rows of {place}: a difference of {gain}"
    )
    value = "target" if taken else "training"
    evidence = tuple(f"batchnorm/{name}" for name in compared.made)
    return _decided(run, plan, Decision(SETTING, value, Basis.MEASURED, why, evidence))


def _decided(run: Run, plan: Plan, decision: Decision) -> Plan:
    run.decided(decision)
    return plan.extended(decision)


@dataclass
class _Compared:
    """Outputs on validation with either statistics."""

    run: Run
    prepared: Prepared
    opened: Opened

    def __post_init__(self) -> None:
        self.made: dict[str, NDArray[Any]] = {}

    def outputs(self, name: str) -> NDArray[Any]:
        """Compute and remember the outputs of the model as it is now."""
        model = saved_model(self.prepared, self.opened)
        self.made[name] = model.outputs(self.prepared.items["validation"], engine="torch")
        return self.made[name]

    def rows(self, began: float) -> list[Measurement]:
        """Give a row of evidence for each."""
        spec, truth = self.prepared.chosen_by(), self.prepared.encoded["validation"]
        seconds = (time.monotonic() - began) / len(self.made)
        return [
            Measurement(
                name=f"batchnorm/{name}", candidate=f"BatchNorm statistics of the {name} inputs",
                figure=spec.name, metric=measured(spec, outputs, truth, seed=self.run.settings.seed),
                examples=len(truth), seed=self.run.settings.seed, seconds=seconds,
            )
            for name, outputs in self.made.items()
        ]  # fmt: skip
