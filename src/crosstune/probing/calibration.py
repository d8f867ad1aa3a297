"""From linear outputs to logits: the scale (and, for multi-label, the shifts) that calibrate them.

A ridge head fits 0 and 1, so its softmax or sigmoid says nothing about confidence. One scale for all
outputs repairs that without changing which class comes first (Guo 2017, on leave-one-out outputs, which
are as honest as held-out ones). Shapes: N rows, K outputs.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

from crosstune.core.seeding import generator

LARGEST = 1e4
"""Where outputs separate the classes perfectly the best scale is infinite; this one is used instead."""

SMALLEST = 1e-4
"""Where outputs say nothing the best scale is zero, or negative; this one is used instead."""

STEPS = 50
"""Most steps of Newton's method; ten are usual."""

MOST_VALUES, FEWEST_ROWS = 200_000, 2_000
"""At most this many outputs are used: N is cut to this / K, at random, but not below so many rows, for a rare
label needs rows that have it."""


def log_loss(kind: str, logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """Mean over rows of the loss in nats; ``targets`` ``(N, K)``, summed over labels for multi-label."""
    if kind == "classes":
        return -float(np.mean((targets * log_softmax(logits, axis=1)).sum(axis=1)))
    return float(np.mean((np.logaddexp(0, logits) - targets * logits).sum(axis=1)))


def fit_scale(
    kind: str, outputs: NDArray[np.float64], targets: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Find (scale, shifts ``(K,)``) so that ``scale * outputs + shifts`` are calibrated logits.

    Args:
        kind: ``classes`` (softmax; the shifts are zero), ``multi-label`` (sigmoid; one shift for each
            label) or ``values`` (scale 1, shifts 0).
        outputs: ``(N, K)``, of rows that the head has not been fitted on.
        targets: ``(N, K)`` of 0 and 1.

    Cost: about ten passes over at most 200,000 outputs, or over 2,000 rows where that is more.
    """
    count = outputs.shape[1]
    if kind == "values" or not outputs.size:
        return 1.0, np.zeros(count)
    rows = max(FEWEST_ROWS, MOST_VALUES // count)
    if len(outputs) > rows:
        # a random sample: every n-th row would follow any pattern in the order of the rows
        chosen = generator(0, "calibration").choice(len(outputs), rows, replace=False)
        outputs, targets = outputs[chosen], targets[chosen]
    if kind == "classes":
        return _fit_temperature(outputs, targets), np.zeros(count)
    return _fit_platt(outputs, targets)


def _fit_temperature(outputs: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """Minimise the log loss over the scale, in which it is convex: Newton's method inside a bracket."""
    low, high, scale = 0.0, LARGEST, 1.0
    outputs = outputs - (targets * outputs).sum(axis=1, keepdims=True)
    for _ in range(STEPS):
        probability = softmax(scale * outputs, axis=1)
        expected = (probability * outputs).sum(axis=1)
        slope = float(expected.sum())
        curve = float((probability * outputs**2).sum() - (expected**2).sum())
        low, high = (scale, high) if slope < 0 else (low, scale)
        guess = scale - slope / curve if curve > 0 else high
        if not low < guess < high:
            guess = min((low + high) / 2, 4 * scale)
        if abs(guess - scale) <= 1e-6 * scale:
            break
        scale = guess
    return max(scale, SMALLEST)


def _fit_platt(
    outputs: NDArray[np.float64], targets: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Fit one scale and K shifts by Newton's method, on Platt's smoothed targets (Lin 2007).

    The Hessian is an arrow: the scale is eliminated first, then each shift stands alone.
    """
    positive = targets.sum(axis=0)
    high, low = (positive + 1) / (positive + 2), 1 / (len(targets) - positive + 2)
    smooth = np.where(targets > 0, high, low)
    scale, shifts = 1.0, np.log(smooth.mean(axis=0)) - np.log1p(-smooth.mean(axis=0))
    loss = _sigmoid_loss(scale * outputs + shifts, smooth)
    for _ in range(STEPS):
        probability = expit(scale * outputs + shifts)
        error, curve = probability - smooth, probability * (1 - probability) + 1e-12
        side, corner = (curve * outputs).sum(axis=0), curve.sum(axis=0)
        by_shift = error.sum(axis=0)
        top = (curve * outputs**2).sum() - (side**2 / corner).sum() + 1e-9
        move = ((error * outputs).sum() - (side * by_shift / corner).sum()) / top
        moves = (by_shift - side * move) / corner
        pace = 1.0
        while True:
            trial = np.clip(scale - pace * move, 1e-4, LARGEST), shifts - pace * moves
            found = _sigmoid_loss(trial[0] * outputs + trial[1], smooth)
            if found <= loss or pace < 1e-6:
                break
            pace /= 2
        if found > loss - 1e-10 * abs(loss):
            break
        (scale, shifts), loss = trial, found
    return float(scale), shifts


def _sigmoid_loss(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0, logits) - targets * logits).sum())
