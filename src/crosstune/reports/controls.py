"""The controls of a model that changes its modality: a table, and one sentence that says what they mean."""

from dataclasses import dataclass

from crosstune.core.controls import Control, Controls, Gain
from crosstune.core.summary import RunSummary
from crosstune.reports.figures import count, decimals, figure, interval, setting
from crosstune.reports.verdict import metric_title

HEADS = ("Pretrained", "Moves", "Rate", "Each seed")
"""Columns behind name and metric."""


@dataclass(frozen=True, kw_only=True)
class ControlsTable:
    """What the page and the card show."""

    sentence: str
    others: tuple[str, ...]
    """Sentences about the other comparisons."""
    heads: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[str, ...]], ...]
    """(name, mean, interval, cells of ``HEADS``)."""
    note: str


def answer(controls: Controls, metric: str) -> str:
    """Say in one sentence whether pretraining on the other modality helped, and by how much."""
    gain = controls.gains[0]
    shown = _shown(gain)
    where = f"({metric_title(metric)} on {count(controls.examples)} test examples, {gain.ours} against "
    where += f"{gain.theirs}, {controls.seeds} seeds each)"
    if gain.metric.low > 0:
        return f"Pretraining on {controls.read} helped by {shown} {where}."
    if gain.metric.high < 0:
        return f"Pretraining on {controls.read} did harm: {shown} {where}."
    return f"Pretraining on {controls.read} made no difference that could be told: {shown} {where}."


def controls_table(summary: RunSummary) -> ControlsTable | None:
    """Gather the section; nothing where no controls were asked for."""
    controls = summary.controls
    if controls is None:
        return None
    digits = decimals(row.metric for row in controls.rows)
    return ControlsTable(
        sentence=answer(controls, summary.primary_metric) if controls.gains else "",
        others=tuple(_other(gain) for gain in controls.gains[1:]),
        heads=(metric_title(summary.primary_metric), *HEADS),
        rows=tuple(_row(row, digits) for row in controls.rows),
        note=_note(controls),
    )


def _row(row: Control, digits: int) -> tuple[str, str, str, tuple[str, ...]]:
    cells = (
        ("yes" if row.pretrained else "no") if row.model else "",
        row.strategy,
        setting(row.lr) if row.lr is not None else "",
        ", ".join(figure(value, digits) for value in row.values),
    )
    name = f"{row.name} ({row.model})" if row.model else row.name
    return name, figure(row.metric.value, digits), interval(row.metric, digits), cells


def _shown(gain: Gain) -> str:
    digits = decimals([gain.metric])
    return f"{figure(gain.metric.value, digits)} (95 % interval {interval(gain.metric, digits)})"


def _other(gain: Gain) -> str:
    return f"{gain.ours} against {gain.theirs}: {_shown(gain)}"


def _note(controls: Controls) -> str:
    rates = max((len(row.swept) for row in controls.rows), default=0)
    words = f"Means over {controls.seeds} seeds on the same test rows"
    if rates:
        words += f"; each arm has the best of {rates} rates, tried with its first seed on validation"
    words += ". Intervals hold for other rows and other seeds."
    return words + "".join(f" Not made: {name} ({why})." for name, why in controls.skipped)
