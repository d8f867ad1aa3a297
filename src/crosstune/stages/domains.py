"""Figures domain by domain, for the splits that a run measures; and what a person is told of them."""

from typing import Any

from numpy.typing import NDArray

from crosstune.core.domain_table import DomainRow, DomainTable
from crosstune.core.errors import shown
from crosstune.core.metric import Metric
from crosstune.data.layout import OUT_OF_DOMAIN
from crosstune.evaluation.domains import domain_scores
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run


def domain_table(run: Run, prepared: Prepared, outputs: dict[str, NDArray[Any]]) -> DomainTable | None:
    """Score each domain of the splits that ``outputs`` holds; ``None`` where rows have no domain.

    Args:
        run: what was asked.
        prepared: the data.
        outputs: ``(N, K)`` by split.

    Checked by: ``tests/stages/test_domains.py``.
    """
    column = prepared.data.domain
    if column is None:
        return None
    rows: list[DomainRow] = []
    worst, mean, worst_domain = {}, {}, {}
    for split, found in outputs.items():
        domains = prepared.items[split].domains()
        assert domains is not None  # noqa: S101 - every split has the column
        scores = domain_scores(prepared.task, found, prepared.encoded[split], domains)
        rows += [
            DomainRow(domain=name, split=split, rows=len(domains.rows(name)), metrics=metrics)
            for name, metrics in scores.each.items()
        ]
        worst[split], mean[split] = scores.worst, scores.mean
        worst_domain[split] = scores.worst_domain
    return DomainTable(
        column=column,
        select_by=prepared.select_by,
        held_out=run.options.held_out_domain,
        rows=tuple(rows),
        worst=worst,
        worst_domain=worst_domain,
        mean=mean,
    )


def say_domains(
    run: Run, table: DomainTable, primary: str, test: Metric, out_of_domain: Metric | None
) -> None:
    """Say the primary figure of every domain in the test split, and in and out of domain."""
    for row in table.of("test"):
        run.reporter.say(f"domain {row.domain}: {primary} {row.metrics[primary]} on {row.rows:,} test rows")
    worst, mean = table.worst["test"][primary], table.mean["test"][primary]
    run.reporter.say(
        f"worst domain {table.worst_domain['test']}: {primary} {worst}; mean over domains {mean}"
    )
    if out_of_domain is None:
        return
    for row in table.of(OUT_OF_DOMAIN):
        run.reporter.say(
            f"held-out domain {row.domain}: {primary} {row.metrics[primary]} on {row.rows:,} rows"
        )
    held_out = shown(table.held_out)
    run.reporter.say(f"out of domain ({held_out}): {primary} {out_of_domain}, in domain {test}")
