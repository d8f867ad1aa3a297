"""What a curve of losses over rising rates says: the largest rate that training can use, and no more.

A range test reads the training loss of a few steps, so its minimum is no good guess of the best rate; it
shows from where on steps do damage (techniques C1). Shapes: R rates, in the order in which they were tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH = 2.0
"""ASSUMED: deviation, in steps, of the bell that smooths the curve. It looks both ways: an average of past
losses only would lag by up to a decade of rates."""
FEWEST = 8
"""ASSUMED: with fewer finite losses there is no curve."""
FLAT = 8.0
"""MEASURED: a curve that spans fewer deviations of its noise says nothing. In 2,000 simulations of pure noise
at 40 and at 100 rates the median span was 3 and 4, and 99 % stayed below 7.2."""
NEAR = 4.0
"""MEASURED: what is less than this many deviations above the lowest value is as low. In the same simulations
the lowest value lay 2 below the plain in the median, and 99 % less than 4.3."""
ROUNDING = 1e-6
"""Relative differences of float32 losses below this are none."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """The answer, and the words for it."""

    largest: float | None
    """The largest usable rate; ``None`` where the curve gives none."""
    smoothed: tuple[float, ...]
    """``(R,)``."""
    because: str


def read_curve(
    rates: Sequence[float], losses: Sequence[float], start: float, *, broke: bool = False
) -> Reading:
    """Find the largest usable rate: the last one before the loss leaves its lowest value for good.

    The rule: smooth the losses with a bell of ``WIDTH`` steps; find the lowest value; go on to larger rates
    while the smoothed loss is near it, within its noise; the rate reached is the answer. The noise is
    that of a smoothed value, estimated from the differences of neighbouring losses.

    Where the loss never falls (a start that is as good as a head gets) this is the end of the plain before
    the rise; where it only falls, the largest rate that was tried. A plain from end to end says nothing:
    nothing that was tried moves the loss.

    Args:
        rates: ``(R,)``, rising, of the body.
        losses: ``(R,)``: after the update at each rate; finite.
        start: the loss before the first update.
        broke: the next rate gave a loss that is not finite.

    Cost: microseconds. Checked by: ``tests/training/test_rate_curve.py``.
    """
    values = np.asarray(losses, dtype=np.float64)
    if len(values) < FEWEST:
        why = f"only {len(values)} rates were usable: even the smallest are too large"
        return Reading(None, tuple(values.tolist()), why)
    smoothed = smooth(values)
    lowest = int(np.argmin(smoothed))
    noise = _noise(values) + ROUNDING * abs(start)
    spread = float(max(start, smoothed.max()) - smoothed.min())
    curve = tuple(smoothed.tolist())
    if spread <= FLAT * noise and not broke:
        return Reading(None, curve, "the loss is the same at all rates: nothing that moves matters to it")
    usable = lowest
    while usable + 1 < len(values) and smoothed[usable + 1] <= smoothed[lowest] + NEAR * noise:
        usable += 1
    rate = float(rates[usable])
    if usable == len(values) - 1 and broke:
        return Reading(rate, curve, "the next rate gives a loss that is not finite")
    if usable == len(values) - 1:
        return Reading(rate, curve, "the loss does not rise again at any rate that was tried")
    if start - smoothed[lowest] <= NEAR * noise:
        return Reading(rate, curve, "the loss does not fall, and rises from this rate on")
    return Reading(rate, curve, f"the loss falls from {start:.3g} to {smoothed[lowest]:.3g}, then rises")


def smooth(values: Floats) -> Floats:
    """Average each value with its neighbours, bell-shaped; at both ends with those that exist."""
    steps = np.arange(len(values))
    weights = np.exp(-0.5 * ((steps[:, None] - steps[None, :]) / WIDTH) ** 2)
    result: Floats = weights @ values / weights.sum(axis=1)
    return result


def _noise(values: Floats) -> float:
    """Return the deviation of a smoothed value, from the typical difference of neighbours.

    The median holds where single batches stand out and where the curve is steep; 1.4826 turns it into the
    deviation of a normal distribution, and a bell of width w averages ``2 sqrt(pi) w`` independent values.
    """
    single = 1.4826 * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2.0)
    return float(single / np.sqrt(2.0 * np.sqrt(np.pi) * WIDTH))
