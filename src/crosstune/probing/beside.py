"""Scores that are reported beside the deciding one: LogME, H-score, LEEP and NCE.

None of them is in the user's units, so none decides. Their intervals come from left-out rows and not
from a bootstrap, which repeats rows: repeated rows look like agreement.
Shapes: N rows, K target columns, Z source classes.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.metric import Metric
from crosstune.core.seeding import generator
from crosstune.probing.h_score import score_of_classes
from crosstune.probing.logme import evidence, fixed_point, left_out_densities
from crosstune.probing.resampling import jackknifed
from crosstune.probing.sample import Sample
from crosstune.probing.source_head import leep, nce
from crosstune.probing.spectrum import Spectrum, measure_spectrum
from crosstune.probing.system import System

MOST_COLUMNS = 100
"""Target columns that LogME is averaged over at most, drawn at random."""

Row = tuple[str, Metric, dict[str, Any] | None, float]
"""Name, figure, detail, seconds."""


def feature_scores(sample: Sample, system: System) -> Iterator[Row]:
    """Yield LogME, and for classes the H-score; nothing where targets do not vary."""
    began = time.monotonic()
    varying = sample.targets.std(axis=0) > 0
    if not varying.any() or not system.gram.any():
        return
    spectrum = measure_spectrum(system)
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
    """Measure the evidence on centred features and targets: the intercept is free.

    The interval is that of the mean of the rows' left-out log densities.
    """
    centred = targets - targets.mean(axis=0)
    projected = (spectrum.basis.T @ centred) ** 2
    rest = np.maximum((centred**2).sum(axis=0) - projected.sum(axis=0), 0.0)
    rows = len(centred)
    value = float(evidence(spectrum.energies, projected, rest, rows, spectrum.width).mean())
    precisions = fixed_point(spectrum.energies, projected, rest, rows)
    densities = left_out_densities(spectrum.basis, spectrum.energies, centred, precisions).mean(axis=1)
    units = np.bincount(sample.units, weights=densities - densities.mean())
    deviation = float(np.sqrt((units**2).sum())) / rows
    return Metric(value, value - 1.96 * deviation, value + 1.96 * deviation)


def _h_score(sample: Sample, spectrum: Spectrum) -> tuple[Metric, dict[str, Any]]:
    """Measure the H-score; its jackknife takes the left-out rows off the Gram, which is diagonal here."""
    coordinates, classes = spectrum.coordinates, np.asarray(sample.encoded)
    rows, width, gram = len(classes), spectrum.width, np.diag(spectrum.energies)
    value, shrinkage = score_of_classes(coordinates, gram, width, classes)

    def of(kept: NDArray[np.intp]) -> float:
        out = np.delete(coordinates, kept, axis=0)
        mean = coordinates[kept].mean(axis=0)
        left = gram - out.T @ out - len(kept) * np.outer(mean, mean)
        return score_of_classes(coordinates[kept] - mean, left, width, classes[kept])[0]

    metric = jackknifed(value, of, sample.units, seed=sample.seed)
    rank = min(width, rows - 1)
    floor = (sample.targets.shape[1] - 1) * rank / max(1, rows - 1)
    return metric, {"shrinkage": shrinkage, "noise_floor": floor}
