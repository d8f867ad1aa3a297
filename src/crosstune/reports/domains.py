"""Figures domain by domain, as the page and the card lay them out."""

from collections.abc import Mapping
from dataclasses import dataclass

from crosstune.core.metric import Metric
from crosstune.core.summary import RunSummary
from crosstune.reports.figures import count, decimals, figure, interval
from crosstune.reports.verdict import metric_title

SPLITS = {"test": "test", "out-of-domain": "held out"}
"""Splits that are shown, and their words; those of validation stand in metrics.json."""

WORDS = {
    "overall": "choices looked at all validation rows together",
    "worst-domain": "choices looked at the worst domain of validation",
    "mean-domain": "choices looked at the mean over the domains of validation",
}


@dataclass(frozen=True, kw_only=True)
class DomainLine:
    """One line of the table."""

    name: str
    split: str
    rows: str
    cells: tuple[tuple[str, str], ...]
    """(value, interval) for each metric."""
    sums_up: bool = False
    """Whether it stands for several domains: the worst one, or the mean."""


@dataclass(frozen=True, kw_only=True)
class DomainLayout:
    """The table, and the sentence beside it."""

    column: str
    chosen_by: str
    metrics: tuple[str, ...]
    """Titles, the primary one first."""
    rows: tuple[DomainLine, ...]


def domain_values(summary: RunSummary) -> DomainLayout | None:
    """Lay out the domains of test, and those that were held out; ``None`` where rows have none.

    Checked by: ``tests/reports/test_domains.py``.
    """
    table = summary.domains
    if table is None:
        return None
    shown = [row for split in SPLITS for row in table.of(split)]
    names = list(dict.fromkeys(name for row in shown for name in row.metrics))
    names.sort(key=lambda name: name != summary.primary_metric)
    digits = {name: decimals(row.metrics[name] for row in shown if name in row.metrics) for name in names}

    def cells(metrics: Mapping[str, Metric]) -> tuple[tuple[str, str], ...]:
        found = [(metrics.get(name), digits[name]) for name in names]
        return tuple(
            (figure(one.value, places), interval(one, places)) if one else ("", "") for one, places in found
        )

    lines = []
    for split, words in SPLITS.items():
        rows = table.of(split)
        lines += [
            DomainLine(name=row.domain, split=words, rows=count(row.rows), cells=cells(row.metrics))
            for row in rows
        ]
        if len(rows) > 1:
            total = count(sum(row.rows for row in rows))
            for name, figures in (
                (f"worst ({table.worst_domain[split]})", table.worst[split]),
                ("mean over domains", table.mean[split]),
            ):
                lines.append(
                    DomainLine(name=name, split=words, rows=total, cells=cells(figures), sums_up=True)
                )
    return DomainLayout(
        column=table.column,
        chosen_by=WORDS.get(table.select_by, table.select_by),
        metrics=tuple(metric_title(name) for name in names),
        rows=tuple(lines),
    )
