"""Stage 6: figures with intervals for what is shipped and for baselines. The test split is used only here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.domain_table import DomainTable
from crosstune.core.files import replacing, write_json
from crosstune.core.metric import Metric
from crosstune.data.layout import OUT_OF_DOMAIN
from crosstune.evaluation.scores import score
from crosstune.probing.baselines import fit_baselines
from crosstune.stages.domains import domain_table, say_domains
from crosstune.stages.leaks import without_leaks
from crosstune.stages.outcome import Tuned
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.seen import keep_seen
from crosstune.stages.ship import Shipped
from crosstune.stages.tables import labelled_table
from crosstune.stages.untuned import untuned_on_test
from crosstune.tasks.structured import InPictures
from crosstune.tasks.text_generation import TextGeneration


@dataclass(frozen=True, kw_only=True)
class Assessed:
    """Metrics by name, each with its interval."""

    validation: dict[str, Metric]
    test: dict[str, Metric]
    baselines: dict[str, dict[str, Metric]]
    leaked: int
    """Test rows that training or validation has as well, equal or nearly equal."""
    test_without_leaks: dict[str, Metric]
    out_of_domain: dict[str, Metric] = field(default_factory=dict)
    """On the rows of held-out domains; empty where none is held out."""
    out_of_domain_baselines: dict[str, dict[str, Metric]] = field(default_factory=dict)
    domains: DomainTable | None = None


def assess(run: Run, prepared: Prepared, tuned: Tuned, shipped: Shipped) -> Assessed:
    """Carry the stage out; writes ``predictions.parquet``, ``seen.safetensors``, ``evidence.json``.

    Validation figures are those of the decision: what is shipped may since have been fitted on these rows.
    """
    task, encoded = prepared.task, prepared.encoded
    naive = _baselines(prepared)
    leaked, unleaked = without_leaks(prepared, shipped.test)
    assessed = Assessed(
        validation=score(task, tuned.candidates[tuned.shipped], encoded["validation"]),
        test=score(task, shipped.test, encoded["test"]),
        baselines=naive["test"] | _untuned(run, prepared),
        leaked=leaked,
        test_without_leaks=unleaked,
        **_by_domain(run, prepared, tuned, shipped),
        out_of_domain_baselines=naive.get(OUT_OF_DOMAIN, {}),
    )
    if assessed.domains is not None:
        name = next(iter(task.metrics))
        say_domains(run, assessed.domains, name, assessed.test[name], assessed.out_of_domain.get(name))
    _write_predictions(prepared, "test", shipped.test, run.folder.predictions)
    if shipped.out_of_domain is not None:
        place = run.folder.out_of_domain_predictions
        _write_predictions(prepared, OUT_OF_DOMAIN, shipped.out_of_domain, place)
    keep_seen(run.folder, prepared.items)
    write_evidence(run)
    return assessed


def _baselines(prepared: Prepared) -> dict[str, dict[str, dict[str, Metric]]]:
    """Give the figures of each baseline by split: of the test split, and of the rows of held-out domains."""
    task, items, encoded = prepared.task, prepared.items, prepared.encoded
    splits = [split for split in ("test", OUT_OF_DOMAIN) if split in items]
    if not prepared.facts.closed_form:
        return {split: {} for split in splits}
    fitted = fit_baselines(task, items["train"], encoded["train"])
    return {
        split: {name: score(task, answer(items[split]), encoded[split]) for name, answer in fitted.items()}
        for split in splits
    }


def _untuned(run: Run, prepared: Prepared) -> dict[str, dict[str, Metric]]:
    """Give the figures of the model without tuning, where it could answer at all."""
    answers = untuned_on_test(run)
    return {name: score(prepared.task, found, prepared.encoded["test"]) for name, found in answers.items()}


def _by_domain(run: Run, prepared: Prepared, tuned: Tuned, shipped: Shipped) -> dict[str, Any]:
    """Give what :class:`Assessed` holds about domains."""
    outputs = {"validation": tuned.candidates[tuned.shipped], "test": shipped.test}
    found: dict[str, Any] = {}
    if shipped.out_of_domain is not None:
        outputs[OUT_OF_DOMAIN] = shipped.out_of_domain
        found["out_of_domain"] = score(prepared.task, shipped.out_of_domain, prepared.encoded[OUT_OF_DOMAIN])
    return found | {"domains": domain_table(run, prepared, outputs)}


def _write_predictions(prepared: Prepared, split: str, outputs: NDArray[Any], path: Path) -> None:
    items, domains = prepared.items[split], prepared.items[split].domains()
    task, targets = prepared.task, items.targets()
    if isinstance(task, TextGeneration | InPictures):
        targets = task.truths(prepared.encoded[split])
    table = labelled_table(items.origins(), task.decode(outputs), targets)
    if domains is not None:
        table["domain"] = [domains.names[number] for number in domains.ids.tolist()]
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


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
