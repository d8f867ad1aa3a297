"""A cross table as lines for a terminal, as Markdown, and as CSV."""

import csv
import io

from crosstune.core.cells import safe_cell
from crosstune.core.cross_table import CrossTable
from crosstune.reports.card import escaped
from crosstune.reports.figures import figure, interval
from crosstune.reports.text import one_line

DIGITS = 3


def cross_lines(table: CrossTable, metric: str | None = None) -> tuple[list[str], list[list[str]]]:
    """Give the heads and the rows: what was trained on, the metric, and a cell for each set.

    Args:
        table: what was measured.
        metric: of every row; ``None`` is the primary one of each run.

    Raises ``UnknownName`` where a run has no such metric.
    """
    heads = ["trained on", "metric", *table.sets]
    rows = []
    for run in table.runs:
        name = table.metric(run, metric)
        found = [table.cell(run, data).metrics[name] for data in table.sets]
        cells = [f"{figure(one.value, DIGITS)} ({interval(one, DIGITS)})" for one in found]
        rows.append([f"{run} ({table.trained_on[run]})", name, *cells])
    return heads, rows


def cross_markdown(table: CrossTable, metric: str | None = None) -> str:
    """Write the table as Markdown, with 95 % intervals."""
    heads, rows = cross_lines(table, metric)
    lines = [heads, ["---"] * len(heads), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [[*map(escaped, heads)], *lines[1:]]) + "\n"


def cross_csv(table: CrossTable) -> str:
    """Write every metric of every cell as a line of its own, safe to open in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = ("run", "trained_on", "tested_on", "split", "rows", "metric", "value", "low", "high")
    writer.writerow(names)
    for cell in table.cells:
        start = [cell.run, table.trained_on[cell.run], cell.data, cell.split]
        for name, one in cell.metrics.items():
            texts = [safe_cell(one_line(part)) for part in start]
            writer.writerow([*texts, cell.rows, name, one.value, one.low, one.high])
    return text.getvalue()
