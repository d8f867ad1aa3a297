"""Numbers for people: as many digits as the interval supports, the same in every place."""

import json
import math
from collections.abc import Iterable, Sequence

from crosstune.core.metric import Metric
from crosstune.core.units import format_duration

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
"""What stands in an empty cell."""
MISSING = "not defined"
"""What stands where a figure is not a finite number."""


def decimals(metrics: Iterable[Metric]) -> int:
    """Choose the digits after the point that show metrics side by side.

    Two digits of the widest interval; at least three for figures below ten, at most six.
    """
    rows = [row for row in metrics if all(map(math.isfinite, (row.value, row.low, row.high)))]
    largest = max((abs(row.value) for row in rows), default=0.0)
    widths = [row.high - row.low for row in rows if row.high > row.low]
    least = 3 if largest < 10 else 1 if largest < 1000 else 0
    wanted = 1 - math.floor(math.log10(max(widths))) if widths else least
    return max(least, min(wanted, 6))


def figure(value: float, digits: int = 3) -> str:
    """Write one figure: ``0.984``, ``1,234.5``, ``2.31e+08``, with a real minus sign."""
    if not math.isfinite(value):
        return MISSING
    if abs(value) >= 1e7 or 0 < abs(value) < 0.5 * 10.0**-digits:
        text = f"{value:.3g}"
    else:
        text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.removeprefix("-")


def interval(metric: Metric, digits: int = 3) -> str:
    """Write the 95 % interval: ``0.976 to 0.991``."""
    if not (math.isfinite(metric.low) and math.isfinite(metric.high)):
        return MISSING
    return f"{figure(metric.low, digits)} to {figure(metric.high, digits)}"


def count(number: float) -> str:
    """Write a count: ``60,000``."""
    return f"{number:,.0f}"


def share(part: float, whole: float) -> str:
    """Write a share in percent, with a decimal below ten: ``97 %``, ``3.4 %``."""
    if whole <= 0:
        return NOTHING
    percent = 100.0 * part / whole
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{max(percent, 0.1):.1f} %"


def duration(seconds: float) -> str:
    """Write a duration: ``42 s``, ``3 min 05 s``, and ``10 min`` without its zero seconds."""
    return format_duration(seconds).removesuffix(" 00 s").removesuffix(" 00 min")


def setting(value: object) -> str:
    """Write the value of a decision as a reader would type it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(setting(entry) for entry in value) or "none"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
