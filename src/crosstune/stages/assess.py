"""Stage 6: figures with intervals for what is shipped and for baselines. The test split is used only here."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from crosstune.core.files import replacing, write_json
from crosstune.core.metric import Metric
from crosstune.evaluation.scores import score
from crosstune.probing.baselines import baselines
from crosstune.stages.leaks import without_leaks
from crosstune.stages.outcome import Tuned
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.seen import keep_seen
from crosstune.stages.ship import Shipped
from crosstune.stages.tables import labelled_table


@dataclass(frozen=True, kw_only=True)
class Assessed:
    """Metrics by name, each with its interval."""

    validation: dict[str, Metric]
    test: dict[str, Metric]
    baselines: dict[str, dict[str, Metric]]
    leaked: int
    """Test rows that training or validation has as well, equal or nearly equal."""
    test_without_leaks: dict[str, Metric]


def assess(run: Run, prepared: Prepared, tuned: Tuned, shipped: Shipped) -> Assessed:
    """Carry the stage out; writes ``predictions.parquet``, ``seen.safetensors``, ``evidence.json``.

    Validation figures are those of the decision: what is shipped may since have been fitted on these rows.
    """
    task, encoded = prepared.task, prepared.encoded
    naive = baselines(task, prepared.items["train"], encoded["train"], prepared.items["test"])
    leaked, unleaked = without_leaks(prepared, shipped.test)
    assessed = Assessed(
        validation=score(task, tuned.candidates[tuned.shipped], encoded["validation"]),
        test=score(task, shipped.test, encoded["test"]),
        baselines={name: score(task, outputs, encoded["test"]) for name, outputs in naive.items()},
        leaked=leaked,
        test_without_leaks=unleaked,
    )
    rows = task.decode(shipped.test)
    items = prepared.items["test"]
    with replacing(run.folder.predictions) as temporary:
        labelled_table(items.origins(), rows, items.targets()).to_parquet(temporary, index=False)
    keep_seen(run.folder, prepared.items)
    write_evidence(run)
    return assessed


def write_evidence(run: Run) -> None:
    """Write every measurement so far to ``evidence.json``."""
    write_json(run.folder.evidence, [finite(row.to_json()) for row in run.measurements])


def finite(value: Any) -> Any:  # noqa: ANN401
    """Replace non-finite numbers by ``None``, and numpy numbers by Python's: what JSON can hold."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
