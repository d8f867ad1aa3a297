"""The depth curve as a plot: what ridge regression reads from each block of the model alone."""

import math
from collections.abc import Sequence

from crosstune.core.metric import Metric
from crosstune.reports.figures import decimals, figure, interval
from crosstune.reports.plots import Panel
from crosstune.reports.svg import Frame, band, dot, padded, path


def depth_curve(points: Sequence[tuple[str, Metric]], title: str, *, higher: bool) -> Panel | None:
    """Draw the curve on the band of its intervals, the best block ringed.

    Args:
        points: (name of the block, figure), in the order of the blocks.
        title: of the metric.
        higher: whether a higher figure is better.

    Returns ``None`` where no figure is defined.
    Checked by: ``tests/reports/test_depth.py``.
    """
    known = [place for place, (_, metric) in enumerate(points) if math.isfinite(metric.value)]
    if not known:
        return None
    metrics = [metric for _, metric in points]
    digits = decimals(metrics)
    frame = Frame(
        x=(0.0, max(1.0, len(points) - 1.0)),
        y=padded([end for row in metrics for end in (row.value, row.low, row.high)]),
        x_title="block alone, from input to output",
        x_ticks=tuple((float(place), name) for place, (name, _) in enumerate(points)),
    )
    line = [(float(place), metric.value) for place, metric in enumerate(metrics)]
    marks = [
        band(frame, [(float(place), row.low, row.high) for place, row in enumerate(metrics)], "spread s0"),
        path(frame, line, "line series s0"),
    ]
    for place in known:
        name, row = points[place]
        hint = f"{name}: {figure(row.value, digits)} ({interval(row, digits)})"
        marks.append(dot(frame, line[place], "point series s0", 2.6, hint))
    best = (max if higher else min)(known, key=lambda place: metrics[place].value)
    marks.append(dot(frame, line[best], "best", 6.0))
    note = f"Best: {points[best][0]}, {figure(metrics[best].value, digits)} (ringed)"
    if best != len(points) - 1:
        note += f"; at the end, {points[-1][0]}: {figure(metrics[-1].value, digits)}"
    return Panel(
        title=f"{title} by depth",
        picture=frame.draw(f"{title} of ridge regression on each of {len(points)} blocks. {note}.", *marks),
        note=f"{note}. The band is the interval.",
    )
