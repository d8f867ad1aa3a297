"""Drawing by hand: elements with escaped attributes, scales, round ticks, and the frame of a plot."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from markupsafe import Markup, escape

from crosstune.reports.figures import MINUS
from crosstune.reports.text import one_line, shortened

LETTER = 6.0
"""Width of a letter of a label, about, in SVG units."""

LONGEST = 20
"""Most letters of a label."""


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """Write one element. ``class_`` and ``stroke_width`` become ``class`` and ``stroke-width``."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(part if isinstance(part, Markup) else escape(one_line(part)) for part in content)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inner)  # noqa: S704 - our own name


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else one_line(value)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Choose round numbers (1, 2 or 5 times a power of ten) inside ``[low, high]``, at most ``most``."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    digits = max(0, -math.floor(math.log10(step)) + 1)
    return [round(index * step, digits) + 0.0 for index in range(first, last + 1)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """Write ticks with the digits that tell neighbours apart; thousands as ``k``."""
    step = min((b - a for a, b in pairwise(values)), default=abs(values[0]) or 1.0)
    largest = max(map(abs, values))
    if largest >= 1e7 or step < 1e-6:
        kept = 2 + math.floor(math.log10(largest / step + 1))
        return [f"{value:.{kept}g}".replace("-", MINUS) for value in values]
    if largest >= 10_000 and step >= 100:
        return [(f"{value / 1000:g}k" if value else "0").replace("-", MINUS) for value in values]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{value:,.{digits}f}".replace("-", MINUS) for value in values]


def padded(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """Give the range of finite values with some room on both sides; never empty."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    room = (high - low) * share or abs(low) * 0.1 or 0.5
    return low - room, high + room


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The box of a plot with its two scales; sizes in SVG units."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str
    y_title: str = ""
    width: float = 340.0
    height: float = 225.0
    left: float = 42.0
    right: float = 20.0
    top: float = 10.0
    bottom: float = 38.0
    x_ticks: tuple[tuple[float, str], ...] = ()
    """(position, label) where round numbers would say nothing, such as names; those that fit are shown."""

    def across(self, value: float) -> float:
        """Map a value to a horizontal position."""
        low, high = self.x
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def down(self, value: float) -> float:
        """Map a value to a vertical position."""
        low, high = self.y
        return (
            self.height - self.bottom - (value - low) / (high - low) * (self.height - self.top - self.bottom)
        )

    def draw(self, description: str, *marks: Markup) -> Markup:
        """Write the whole picture: grid, labels, marks."""
        return tag(
            "svg",
            *self._grid(),
            *marks,
            class_="plot",
            viewBox=f"0 0 {self.width:g} {self.height:g}",
            role="img",
            aria_label=description,
        )

    def _grid(self) -> list[Markup]:
        parts = []
        floor, end = self.height - self.bottom, self.width - self.right
        rows = ticks(*self.y)
        for value, label in zip(rows, tick_labels(rows), strict=True):
            at = self.down(value)
            parts.append(tag("line", class_="grid", x1=self.left, x2=end, y1=at, y2=at))
            parts.append(tag("text", label, class_="tick right", x=self.left - 6, y=at + 4))
        for middle, label, at in self._columns():
            parts.append(tag("line", class_="axis", x1=at, x2=at, y1=floor, y2=floor + 4))
            parts.append(tag("text", label, class_="tick middle", x=middle, y=floor + 17))
        parts.append(tag("line", class_="axis", x1=self.left, x2=end, y1=floor, y2=floor))
        parts.append(tag("text", self.x_title, class_="name end", x=end, y=self.height - 4))
        if self.y_title:
            parts.append(tag("text", self.y_title, class_="name", x=0, y=10))
        return parts

    def _columns(self) -> list["Below"]:
        """Give what stands below the plot: of given labels the first, the last, and what fits between."""
        if not self.x_ticks:
            values = ticks(*self.x)
            places = [self.across(value) for value in values]
            return list(zip(places, tick_labels(values), places, strict=True))
        labels = []
        for value, name in self.x_ticks:
            label, at = shortened(name, LONGEST), self.across(value)
            half = LETTER * len(label) / 2
            labels.append((min(max(at, half), self.width - half), label, at))
        return next(kept for stride in range(1, len(labels) + 1) if (kept := _every(labels, stride)))


Below = tuple[float, str, float]
"""Middle of a label, the label, and the place that it names."""


def _every(labels: list[Below], stride: int) -> list[Below]:
    """Keep the first, each after ``stride`` more, and the last; nothing where they would overlap."""
    kept, last = labels[:-1:stride], labels[-1]
    while len(kept) > 1 and not _apart(kept[-1], last):
        kept.pop()
    if stride >= len(labels) and kept and not _apart(kept[0], last):
        return [last]
    kept.append(last)
    return kept if all(_apart(one, other) for one, other in pairwise(kept)) else []


def _apart(one: Below, other: Below) -> bool:
    return other[0] - one[0] >= LETTER * (len(one[1]) + len(other[1]) + 2) / 2


def path(frame: Frame, points: Sequence[tuple[float, float]], css: str) -> Markup:
    """Draw a line through points in data units; a point that is not finite breaks it."""
    words, pen = [], "M"
    for across, down in points:
        if not (math.isfinite(across) and math.isfinite(down)):
            pen = "M"
            continue
        words.append(f"{pen}{frame.across(across):.1f} {frame.down(down):.1f}")
        pen = "L"
    return tag("path", class_=css, d="".join(words))


def dot(frame: Frame, at: tuple[float, float], css: str, radius: float, hint: str = "") -> Markup:
    """Draw one point, with the text that a pointer resting on it shows."""
    inside = [tag("title", hint)] if hint else []
    across, down = frame.across(at[0]), frame.down(at[1])
    return tag("circle", *inside, class_=css, cx=across, cy=down, r=float(radius))


def band(frame: Frame, points: Sequence[tuple[float, float, float]], css: str) -> Markup:
    """Fill the area between (x, low, high); a point whose ends are not finite breaks it."""
    words: list[str] = []
    for finite, run in groupby(points, key=lambda point: all(map(math.isfinite, point))):
        corners = list(run)
        if finite:
            there = [f"{frame.across(x):.1f} {frame.down(low):.1f}" for x, low, _ in corners]
            back = [f"{frame.across(x):.1f} {frame.down(high):.1f}" for x, _, high in reversed(corners)]
            words.append(f"M{'L'.join([*there, *back])}Z")
    return tag("path", class_=css, d="".join(words))


def square(frame: Frame, at: tuple[float, float], css: str, half: float, hint: str = "") -> Markup:
    """Draw one point as a square, with the text that a pointer resting on it shows."""
    inside = [tag("title", hint)] if hint else []
    across, down = frame.across(at[0]) - half, frame.down(at[1]) - half
    return tag("rect", *inside, class_=css, x=across, y=down, width=2 * half, height=2 * half)
