"""Pictures as wide as their box: intervals side by side (a forest), and where the time went."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from crosstune.core.metric import Metric
from crosstune.reports.figures import decimals, duration, figure, interval, share
from crosstune.reports.svg import padded, tag, tick_labels, ticks


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of a forest."""

    name: str
    value: str
    interval: str
    strip: Markup
    marked: bool
    note: str = ""
    """What is said about it, in words."""
    control: bool = False
    """Whether it stands there for comparison only."""


@dataclass(frozen=True, kw_only=True)
class Forest:
    """Figures with intervals on one axis."""

    bars: tuple[Bar, ...]
    axis: Markup


def forest(
    metrics: Mapping[str, Metric],
    *,
    marked: str = "",
    ordered: str = "",
    notes: Mapping[str, str] | None = None,
    controls: Collection[str] = (),
    level: float | None = None,
) -> Forest:
    """Draw each metric as a dot on the band of its interval, all on one scale.

    Args:
        metrics: by name.
        marked: the name to emphasise.
        ordered: ``falling`` or ``rising`` sorts by value (not finite comes last); else as given.
        notes: what to say below a name.
        controls: names that have hollow dots and do not stretch the scale; an arrow stands at its end for one
            that lies beyond it.
        level: a value that means nothing, which the scale shows as a dashed line.
    """
    names = list(metrics)
    if ordered:
        sign = -1.0 if ordered == "falling" else 1.0
        names.sort(key=lambda name: _last_if_undefined(sign * metrics[name].value))
    scaled = [row for name, row in metrics.items() if name not in controls] or list(metrics.values())
    ends = [end for row in scaled for end in (row.value, row.low, row.high)]
    low, high = padded(ends if level is None else [*ends, level])
    digits = decimals(metrics.values())
    bars = [
        Bar(
            name=name,
            value=figure(metrics[name].value, digits),
            interval=interval(metrics[name], digits),
            strip=_strip(
                metrics[name], low, high, marked=name == marked, control=name in controls, level=level
            ),
            marked=name == marked,
            note=(notes or {}).get(name, ""),
            control=name in controls,
        )
        for name in names
    ]
    return Forest(bars=tuple(bars), axis=_axis(low, high))


def _last_if_undefined(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * (value - low) / (high - low):.2f}%"


def _strip(
    metric: Metric, low: float, high: float, *, marked: bool, control: bool, level: float | None
) -> Markup:
    parts = [
        tag("line", class_="grid", x1=at, x2=at, y1="0", y2="100%")
        for at in (_percent(tick, low, high) for tick in ticks(low, high))
    ]
    if level is not None:
        at = _percent(level, low, high)
        parts.append(tag("line", class_="ideal", x1=at, x2=at, y1="0", y2="100%"))
    if math.isfinite(metric.low) and math.isfinite(metric.high):
        ends = [min(max(end, low), high) for end in (metric.low, metric.high)]
        if ends[0] < ends[1]:
            left, right = (_percent(end, low, high) for end in ends)
            parts.append(tag("line", class_="band", x1=left, x2=right, y1="50%", y2="50%"))
    if low <= metric.value <= high:
        at = _percent(metric.value, low, high)
        parts.append(tag("circle", class_="dot", cx=at, cy="50%", r=4.0 if marked else 3.5))
    elif math.isfinite(metric.value):
        below = metric.value < low
        css, at = ("beyond", "0%") if below else ("beyond end", "100%")
        parts.append(tag("text", "←" if below else "→", class_=css, x=at, y="50%", dy="0.35em"))
    css = "strip marked" if marked else "strip control" if control else "strip"
    return tag("svg", *parts, class_=css, aria_hidden="true")


def _axis(low: float, high: float) -> Markup:
    values = ticks(low, high)
    texts = [
        tag("text", label, class_="tick middle", x=_percent(value, low, high), y="13")
        for value, label in zip(values, tick_labels(values), strict=True)
    ]
    return tag("svg", *texts, class_="strip-axis", aria_hidden="true")


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One stage's part of the time."""

    name: str
    seconds: str
    share: str
    style: int


TIME_STYLES = 8
REST = "everything else"


def time_spent(seconds: Mapping[str, float]) -> tuple[Markup, tuple[Slice, ...]]:
    """Draw the stages one after another, as long as they took; what no stage names is the rest."""
    stages = [(name, spent) for name, spent in seconds.items() if name != "total" and spent > 0]
    named = sum(spent for _, spent in stages)
    total = max(seconds.get("total", named), named)
    if total - named > 0.01 * total:
        stages.append((REST, total - named))
    return _stacked(stages, total), tuple(
        Slice(name=name, seconds=duration(spent), share=share(spent, total), style=index % TIME_STYLES)
        for index, (name, spent) in enumerate(stages)
    )


def _stacked(stages: Sequence[tuple[str, float]], total: float) -> Markup:
    parts, begun = [], 0.0
    for index, (name, spent) in enumerate(stages):
        hint = tag("title", f"{name}: {duration(spent)}")
        at, wide = f"{100 * begun / total:.3f}%", f"{100 * spent / total:.3f}%"
        css = f"part t{index % TIME_STYLES}"
        parts.append(tag("rect", hint, class_=css, x=at, width=wide, y="0", height="100%"))
        begun += spent
    words = ", ".join(f"{name} {duration(spent)}" for name, spent in stages)
    return tag("svg", *parts, class_="time-bar", role="img", aria_label=f"Time by stage: {words}")
