"""Scores that are reported beside the deciding one: LogME, H-score, LEEP and NCE.

None of them is in the user's units, so none decides. Their intervals come from a jackknife, with the
directions of all rows held fixed: a bootstrap repeats rows, and repeated rows look like agreement.
Shapes: N rows, K target columns, Z source classes.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.core.seeding import generator
from crosstune.probing.h_score import ledoit_wolf, separation, shrunk
from crosstune.probing.logme import evidence
from crosstune.probing.resampling import jackknifed
from crosstune.probing.sample import Sample
from crosstune.probing.source_head import leep, nce
from crosstune.probing.spectrum import Spectrum

MOST_COLUMNS = 100
"""Target columns that LogME is averaged over at most, drawn at random."""

Row = tuple[str, Metric, dict[str, Any] | None, float]
"""Name, figure, detail, seconds."""


def feature_scores(sample: Sample, spectrum: Spectrum) -> Iterator[Row]:
    """Yield LogME, and for classes the H-score; nothing where targets do not vary."""
    varying = sample.targets.std(axis=0) > 0
    if not varying.any() or not spectrum.used.any():
        return
    began = time.monotonic()
    columns = np.flatnonzero(varying)
    if len(columns) > MOST_COLUMNS:
        draw = generator(sample.seed, "logme columns")
        columns = np.sort(draw.choice(columns, MOST_COLUMNS, replace=False))
    metric = _logme(sample, spectrum, sample.targets[:, columns])
    yield "logme", metric, {"columns": len(columns)}, time.monotonic() - began
    if sample.kind == "classes":
        began = time.monotonic()
        metric, detail = _h_score(sample, spectrum)
        yield "h-score", metric, detail, time.monotonic() - began


def source_scores(sample: Sample, probabilities: NDArray[np.floating]) -> Iterator[tuple[str, Metric, float]]:
    """Yield LEEP and NCE of the model's own classes, ``(N, Z)``."""
    for name, score in (("leep", leep), ("nce", nce)):
        began = time.monotonic()

        def of(rows: NDArray[np.intp]) -> float:
            return score(probabilities[rows], sample.encoded[rows])  # noqa: B023 - called at once

        value = score(probabilities, sample.encoded)
        yield name, jackknifed(value, of, sample.units, seed=sample.seed), time.monotonic() - began


def _logme(sample: Sample, spectrum: Spectrum, targets: NDArray[np.float64]) -> Metric:
    """Measure the evidence on centred features and targets: the intercept is free."""
    energies = spectrum.energies[spectrum.used]
    basis = spectrum.coordinates[:, spectrum.used] / np.sqrt(energies)

    def of(rows: NDArray[np.intp]) -> float:
        centred = targets[rows] - targets[rows].mean(axis=0)
        centred = centred[:, centred.any(axis=0)]
        if not centred.size:
            return np.nan
        share = len(rows) / len(targets)
        projected = (basis[rows].T @ centred) ** 2 / share
        rest = np.maximum((centred**2).sum(axis=0) - projected.sum(axis=0), 0.0)
        return float(evidence(energies * share, projected, rest, len(rows), spectrum.width).mean())

    every = np.arange(len(targets))
    return jackknifed(of(every), of, sample.units, seed=sample.seed)


def _h_score(sample: Sample, spectrum: Spectrum) -> tuple[Metric, dict[str, Any]]:
    coordinates, classes = spectrum.coordinates, np.asarray(sample.encoded)
    shrinkage = ledoit_wolf(coordinates, spectrum.energies, spectrum.width)
    variance = shrunk(spectrum.energies, spectrum.rows, spectrum.width, shrinkage)

    def of(rows: NDArray[np.intp]) -> float:
        return (1 - shrinkage) * separation(coordinates[rows], variance, classes[rows])

    metric = jackknifed(of(np.arange(len(classes))), of, sample.units, seed=sample.seed)
    rank = min(spectrum.width, spectrum.rows - 1)
    floor = (sample.targets.shape[1] - 1) * rank / max(1, spectrum.rows - 1)
    return metric, {"shrinkage": shrinkage, "noise_floor": floor}
