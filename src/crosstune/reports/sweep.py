"""The short trainings as a plot: the figure over the rate, one line for each model and what moves."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from crosstune.core.trial import TrialRow
from crosstune.reports.figures import decimals, figure, interval, setting
from crosstune.reports.plots import SERIES, Panel
from crosstune.reports.svg import Frame, dot, padded, path, square

STEP = 5.0
"""Between lines at one rate, in SVG units, so that their intervals stand side by side."""

ALONE = 0.5
"""Powers of ten on each side of a single rate."""


def sweep(trials: Sequence[TrialRow], title: str) -> Panel | None:
    """Draw every trial that has a figure and a rate; the table beside the plot has them all.

    Returns ``None`` where no trial can be drawn.
    Checked by: ``tests/reports/test_sweep.py``.
    """
    drawn = [
        row for row in trials if row.lr > 0 and math.isfinite(row.lr) and math.isfinite(row.metric.value)
    ]
    if not drawn:
        return None
    lines: dict[tuple[str, str], list[TrialRow]] = {}
    for row in drawn:
        lines.setdefault((row.model, row.moves), []).append(row)
    frame = _frame(drawn)
    digits = decimals(row.metric for row in drawn)
    marks: list[Markup] = []
    for index, rows in enumerate(lines.values()):
        marks += _line(frame, rows, index % SERIES, STEP * (index - (len(lines) - 1) / 2), digits)
    several = len({model for model, _ in lines}) > 1
    names = [f"{model}, {moves}" if several else moves for model, moves in lines]
    return Panel(
        title=f"{title} after a short training, by rate",
        picture=frame.draw(f"{title} over the rate on a logarithmic axis, for {'; '.join(names)}", *marks),
        legend=tuple((index % SERIES, name) for index, name in enumerate(names)),
        note=_note(drawn),
    )


def _frame(rows: Sequence[TrialRow]) -> Frame:
    rates = sorted({row.lr for row in rows})
    low, high = math.log10(rates[0]), math.log10(rates[-1])
    room = 0.12 * (high - low) or ALONE
    return Frame(
        x=(low - room, high + room),
        y=padded([end for row in rows for end in (row.metric.value, row.metric.low, row.metric.high)]),
        x_title="rate (logarithmic)",
        x_ticks=tuple((math.log10(rate), setting(rate)) for rate in rates),
    )


def _line(frame: Frame, rows: Sequence[TrialRow], style: int, shift: float, digits: int) -> list[Markup]:
    """Draw the first round as circles on a line, later rounds as squares a little to the right of them."""
    unit = (frame.x[1] - frame.x[0]) / (frame.across(frame.x[1]) - frame.across(frame.x[0]))

    def at(row: TrialRow) -> tuple[float, float]:
        aside = shift + (STEP / 2 if row.round > 1 else 0.0)
        return math.log10(row.lr) + unit * aside, row.metric.value

    first = sorted((row for row in rows if row.round == 1), key=lambda row: row.lr)
    marks = [path(frame, [at(row) for row in first], f"line series s{style}")]
    for row in rows:
        across, down = at(row)
        marks.append(path(frame, [(across, row.metric.low), (across, row.metric.high)], f"whisker s{style}"))
        hint = f"{row.model}, {row.moves}, rate {setting(row.lr)}, round {row.round}: "
        hint += f"{figure(down, digits)} ({interval(row.metric, digits)})"
        shape, size = (square, 3.4) if row.round > 1 else (dot, 3.0)
        marks.append(shape(frame, (across, down), f"point s{style}", size, hint))
    marks += [dot(frame, at(row), "best", 7.0) for row in rows if row.chosen]
    return marks


def _note(rows: Sequence[TrialRow]) -> str:
    words = ["Upright lines are the intervals"]
    if any(row.round > 1 for row in rows):
        words.append("squares: tried again for longer")
    if any(row.chosen for row in rows):
        words.append("ringed: taken for the last training")
    return "; ".join(words) + "."
