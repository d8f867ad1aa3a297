"""The plots of the page: learning curves, reliability, predicted against true."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from crosstune.core.summary import Curve
from crosstune.reports.figures import count, figure
from crosstune.reports.svg import Frame, dot, padded, path, tag
from crosstune.reports.text import one_line

SERIES = 6
"""How many line styles the page has (colour and dashes); further series start again."""

AT_ONCE = 5
"""Curves of precision by recall in one panel; each needs a style of its own."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot and what stands around it."""

    title: str
    picture: Markup
    legend: tuple[tuple[int, str], ...] = ()
    """(style, name) of each line."""
    note: str = ""


def learning_curves(curves: Sequence[Curve], primary: str, *, higher: bool) -> list[Panel]:
    """Draw one panel for the losses and one for each other figure, the best primary value marked."""
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        groups.setdefault(_group(curve.name, primary), []).append(curve)
    return [
        _curve_panel(name, rows, best=(max if higher else min) if name == primary else None)
        for name, rows in groups.items()
        if any(math.isfinite(value) for row in rows for value in row.values)
    ]


def _group(name: str, primary: str) -> str:
    words = one_line(name).lower()
    if primary in words:
        return primary
    return "loss" if "loss" in words else re.split(r"[\s/_]", words)[-1]


def _title(curve: Curve) -> str:
    return one_line(curve.name).replace("_", " ")


def _curve_panel(title: str, curves: Sequence[Curve], best: object) -> Panel:
    steps = [step for curve in curves for step in curve.steps]
    values = [value for curve in curves for value in curve.values]
    first, last = min(steps), max(steps)
    frame = Frame(x=(first, last if last > first else first + 1), y=padded(values), x_title="step")
    marks: list[Markup] = []
    for index, curve in enumerate(curves):
        points = list(zip(map(float, curve.steps), curve.values, strict=True))
        style = f"series s{index % SERIES}"
        marks.append(path(frame, points, f"line {style}"))
        if len(points) <= 40:
            marks += [
                dot(frame, at, f"point {style}", 2.6, f"{_title(curve)}, step {at[0]:,.0f}: {at[1]:.4g}")
                for at in points
                if math.isfinite(at[1])
            ]
    note = ""
    if best in (max, min):
        held = [curve for curve in curves if "train" not in curve.name.lower()] or list(curves)
        found = _best(held, highest=best is max)
        marks.append(dot(frame, found, "best", 6.0))
        note = f"Best: {figure(found[1], 4)} at step {found[0]:,.0f} (ringed)."
    names = tuple((index % SERIES, _title(curve)) for index, curve in enumerate(curves))
    described = "; ".join(
        f"{_title(c)} from {figure(c.values[0])} to {figure(c.values[-1])}" for c in curves if c.values
    )
    return Panel(
        title=title, picture=frame.draw(f"{title} by step: {described}", *marks), legend=names, note=note
    )


def _best(curves: Sequence[Curve], *, highest: bool) -> tuple[float, float]:
    points = [
        (float(step), value)
        for curve in curves
        for step, value in zip(curve.steps, curve.values, strict=True)
        if math.isfinite(value)
    ]
    return (max if highest else min)(points, key=lambda point: point[1])


def reliability(bins: Sequence[tuple[float, float, int]]) -> Panel:
    """Draw the share answered right over the stated confidence; circles grow with the count."""
    frame = Frame(
        x=(0.0, 1.0),
        y=(0.0, 1.0),
        x_title="stated confidence",
        y_title="share answered right",
        height=310.0,
        top=26.0,
    )
    most = max(number for _, _, number in bins)
    marks = [path(frame, [(0.0, 0.0), (1.0, 1.0)], "ideal")]
    for confidence, accuracy, _ in bins:
        marks.append(path(frame, [(confidence, confidence), (confidence, accuracy)], "gap"))
    marks.append(path(frame, [(confidence, accuracy) for confidence, accuracy, _ in bins], "line series s0"))
    for confidence, accuracy, number in bins:
        hint = f"confidence {confidence:.3f}, right {accuracy:.3f}, {count(number)} examples"
        radius = 2.5 + 6.0 * math.sqrt(number / most)
        marks.append(dot(frame, (confidence, accuracy), "bubble", radius, hint))
    return Panel(title="Calibration", picture=frame.draw(calibration_words(bins), *marks))


def calibration_words(bins: Sequence[tuple[float, float, int]]) -> str:
    """Say in one sentence how far confidence is from the truth, and in which direction."""
    total = sum(number for _, _, number in bins)
    gap = sum(abs(confidence - accuracy) * number for confidence, accuracy, number in bins) / total
    lean = sum((confidence - accuracy) * number for confidence, accuracy, number in bins) / total
    text = f"Over these bins, stated confidence and share answered right differ by {figure(gap)} on average"
    if gap < 0.01 or abs(lean) < gap / 2:
        return f"{text}."
    side = "more sure than it is right" if lean > 0 else "less sure than it could be"
    return f"{text}; the model is {side}."


def scatter(pairs: Sequence[tuple[float, float]]) -> Panel:
    """Draw predicted over true values, both axes on one scale, with the line of perfect answers."""
    finite = [pair for pair in pairs if all(map(math.isfinite, pair))]
    both = padded([value for pair in finite for value in pair], 0.04)
    frame = Frame(x=both, y=both, x_title="true value", y_title="predicted", height=330.0, top=26.0)
    circles = [
        tag("circle", cx=round(frame.across(truth), 1), cy=round(frame.down(guess), 1), r=2.4)
        for truth, guess in finite
    ]
    marks = [
        path(frame, [(both[0], both[0]), (both[1], both[1])], "ideal"),
        tag("g", *circles, class_="cloud"),
    ]
    words = f"{count(len(finite))} examples; the dashed line is where prediction equals truth."
    return Panel(title="Predicted against true", picture=frame.draw(words, *marks), note=words)


def precision_by_recall(curves: Sequence[Curve]) -> list[Panel]:
    """Draw precision over recall at an overlap of 0.5, five classes in a panel; steps are percent.

    A curve ends at the largest recall of its class; the higher to the right, the better.
    """
    panels = []
    for start in range(0, len(curves), AT_ONCE):
        some = curves[start : start + AT_ONCE]
        frame = Frame(x=(0.0, 1.0), y=(0.0, 1.0), x_title="recall", y_title="precision", top=26.0)
        marks = [
            path(frame, [(step / 100, value) for step, value in zip(one.steps, one.values, strict=True)],
                 f"line series s{place}")
            for place, one in enumerate(some)
        ]  # fmt: skip
        described = "; ".join(f"{_title(one)}: {figure(_mean(one.values))}" for one in some)
        picture = frame.draw(f"Precision by recall at overlap 0.5; average of each: {described}", *marks)
        legend = tuple(
            (place, f"{_title(one)} {figure(_mean(one.values))}") for place, one in enumerate(some)
        )
        panels.append(Panel(title="Precision by recall", picture=picture, legend=legend))
    return panels


def _mean(values: Sequence[float]) -> float:
    """Average precision: 0 beyond the largest recall."""
    return sum(value for value in values if math.isfinite(value)) / len(values)
