"""Numbers as targets: values so far from the others that they may be codes or slips."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.data.gate.finding import MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.targets import as_number, is_missing

FAR, ABSURD = 8.0, 50.0
"""Robust deviations from the median at which a value is noted, and warned of. ASSUMED: prices with a long
tail reach the first in a few per cent of the rows, and hardly ever the second; -999 for "unknown" does."""

_DEVIATION = 1.4826
"""Median absolute deviation of a normal distribution times this is its standard deviation."""


def outlier_findings(
    targets: Mapping[str, Sequence[Any]],
    usable: NDArray[np.bool_],
    origins: Callable[[NDArray[np.int64]], Sequence[str]],
) -> list[Finding]:
    """Name the values that lie far outside, by median and median absolute deviation.

    Nothing is said where more than half of the values are equal.

    Args:
        targets: by split.
        usable: ``(N,)``, through all splits: rows that count.
        origins: names rows that are numbered through all splits.

    Checked by: ``tests/data/gate/test_values.py``.
    """
    numbers = np.fromiter((_number(value) for found in targets.values() for value in found), np.float64)
    rows = np.flatnonzero(usable & np.isfinite(numbers))
    if not len(rows):
        return []
    numbers = numbers[rows]
    middle = float(np.median(numbers))
    spread = _DEVIATION * float(np.median(np.abs(numbers - middle)))
    if spread == 0:
        return []
    score = np.abs(numbers - middle) / spread
    odd = np.flatnonzero(score > FAR)
    if not len(odd):
        return []
    odd = odd[np.argsort(-score[odd], kind="stable")]
    shown_first = odd[:MOST_ITEMS]
    items = tuple(
        f"{name} ({number:g})"
        for name, number in zip(origins(rows[shown_first]), numbers[shown_first].tolist(), strict=True)
    )
    absurd = int((score > ABSURD).sum())
    return [
        Finding(
            severity=WARNING if absurd else NOTE,
            code="outlying-targets",
            sentence=f"{len(odd):,} targets lie far from the others (median {middle:g}, usual deviation "
            f"{spread:.3g}): {shown(items, most=5)}",
            fix="correct them if they are slips or stand for unknown; one enormous value can rule the fit",
            items=items,
        )
    ]


def _number(value: Any) -> float:  # noqa: ANN401 - a raw target
    number = None if is_missing(value) else as_number(value)
    return float("nan") if number is None else number
