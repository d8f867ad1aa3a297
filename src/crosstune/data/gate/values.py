"""Numbers as targets: values so far from the others that they may be codes or slips."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crosstune.core.errors import shown
from crosstune.data.gate.report import MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.targets import as_number, is_missing

FAR, ABSURD = 8.0, 50.0
"""Robust deviations from the median at which a value is noted, and warned of. ASSUMED: prices with a long
tail reach the first in a few per cent of the rows, and hardly ever the second; -999 for "unknown" does."""

_DEVIATION = 1.4826
"""Median absolute deviation of a normal distribution times this is its standard deviation."""


def outlier_findings(
    targets: Mapping[str, Sequence[Any]], origins: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """Name the values that lie far outside, by median and median absolute deviation.

    Nothing is said where more than half of the values are equal.
    Checked by: ``tests/data/gate/test_values.py``.
    """
    flat = [(name, as_number(value)) for split, found in targets.items()
            for name, value in zip(origins[split], found, strict=True) if not is_missing(value)]  # fmt: skip
    known = [(name, number) for name, number in flat if number is not None and np.isfinite(number)]
    if not known:
        return []
    numbers = np.array([number for _, number in known])
    middle = float(np.median(numbers))
    spread = _DEVIATION * float(np.median(np.abs(numbers - middle)))
    if spread == 0:
        return []
    score = np.abs(numbers - middle) / spread
    odd = np.flatnonzero(score > FAR)
    if not len(odd):
        return []
    odd = odd[np.argsort(-score[odd], kind="stable")]
    items = tuple(f"{known[row][0]} ({numbers[row]:g})" for row in odd[:MOST_ITEMS].tolist())
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
