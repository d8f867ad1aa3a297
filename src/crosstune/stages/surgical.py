"""Which third of the blocks to move under ``surgical``: measured by relative gradient norms."""

import time

from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.planning.make import settings_of
from crosstune.planning.strategy import survives
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.run import Run
from crosstune.training.strategies import PARTS
from crosstune.training.surgical import BATCHES, relative_gradients


def choose_part(run: Run, prepared: Prepared, opened: Opened, probed: Probed, plan: Plan) -> Plan:
    """Decide ``surgical_part`` where it is open (Auto-RGN, Lee 2022); other plans stay as they are."""
    if plan["strategy"] != "surgical" or plan["surgical_part"] != "auto":
        return plan
    began = time.monotonic()
    head = probed.start("surgical", survives=survives(opened.facts))
    settings = settings_of(plan)
    found = relative_gradients(
        opened.backbone, prepared.task, prepared.items["train"], settings, head=head
    )  # fmt: skip
    names = [block.name for block in opened.backbone.blocks]
    run.measurements.extend(
        Measurement(
            name=f"surgical/{part}", candidate=f"the {part} third of the blocks",
            figure="relative gradient norm",
            metric=Metric(found.parts[part], found.parts[part], found.parts[part]),
            examples=min(len(prepared.items["train"]), BATCHES * settings.batch_size), seed=settings.seed,
            seconds=(time.monotonic() - began) / len(PARTS),
            detail={"blocks": dict(zip(names, found.blocks, strict=True))},
        )
        for part in PARTS
    )  # fmt: skip
    figures = ", ".join(f"{part} {found.parts[part]:.3g}" for part in PARTS)
    why = f"its gradients are largest beside its weights (mean of ||gradient|| / ||weights||: {figures})"
    evidence = tuple(f"surgical/{part}" for part in PARTS)
    return plan.extended(Decision("surgical_part", found.largest, Basis.MEASURED, why, evidence))
