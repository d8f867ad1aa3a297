"""Figures of three domains, one of them held out, for tests and for looking."""

from crosstune.core.domain_table import DomainRow, DomainTable
from crosstune.core.metric import Metric


def _row(domain: str, split: str, rows: int, value: float) -> DomainRow:
    metrics = {
        "accuracy": Metric(value, value - 0.05, value + 0.05),
        "log-loss": Metric(1.0 - value, 0.9 - value, 1.1 - value),
    }
    return DomainRow(domain=domain, split=split, rows=rows, metrics=metrics)


def domain_table(held_out: str = "products") -> DomainTable:
    """Give tweets and movies in test and validation, and a third domain that is held out."""
    rows = (
        _row("tweets", "validation", 40, 0.92),
        _row("movies", "validation", 60, 0.81),
        _row("tweets", "test", 400, 0.91),
        _row("movies", "test", 1_600, 0.79),
        _row(held_out, "out-of-domain", 2_000, 0.66),
    )
    splits = {"validation": "movies", "test": "movies", "out-of-domain": held_out}
    of = {split: [row for row in rows if row.split == split] for split in splits}
    return DomainTable(
        column="source",
        select_by="worst-domain",
        held_out=(held_out,),
        rows=rows,
        worst={split: found[-1].metrics for split, found in of.items()},
        worst_domain=splits,
        mean={split: found[0].metrics for split, found in of.items()},
    )
