"""All distances at once: about nothing for equal sets, and one scale where pairs are compared."""

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.probing.gap import measure_distances, standardised, tell_apart
from crosstune.probing.matrix import Matrix, measure_scale
from crosstune.probing.sides import Sides


def noise(rows: int, width: int = 12, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def test_equal_sets_are_about_zero_apart_in_every_measure() -> None:
    values, sides = noise(300), Sides.of(150, 150)
    labels = np.random.default_rng(1).integers(0, 3, 300)
    told, far = tell_apart(values, sides), measure_distances(values, sides, labels)
    assert told.rule.distance.low == 0.0
    assert told.mmd.p > 0.05
    assert abs(far.frechet.value) < 0.5
    assert abs(far.coral.value) < 0.01
    assert far.otdd is not None
    assert abs(far.otdd.value) < 1.0
    assert far.share == pytest.approx(1.0)


def test_a_shift_is_far_in_every_measure_whatever_the_unit() -> None:
    values, sides = noise(300) * np.float32(1000), Sides.of(150, 150)
    values[150:, :4] += 2 * 1000
    labels = np.random.default_rng(1).integers(0, 3, 300)
    told, far = tell_apart(values, sides), measure_distances(values, sides, labels)
    assert told.rule.distance.value > 1.0
    assert told.mmd.p < 0.01
    assert far.otdd is not None
    assert far.otdd.value > 1.0
    assert far.frechet.value > 0.0


def test_a_given_scale_and_bandwidth_are_kept() -> None:
    values, sides = noise(80), Sides.of(40, 40)
    scale = measure_scale(Matrix(((2 * noise(500, seed=9),),)))
    assert standardised(values, scale).std() == pytest.approx(0.5, rel=0.05)
    assert tell_apart(values, sides, scale=scale, bandwidth=3.0).mmd.bandwidth == 3.0


def test_without_enough_labels_there_is_no_dataset_distance() -> None:
    labels = np.full(80, -1)
    labels[:40] = 0
    assert measure_distances(noise(80), Sides.of(40, 40), labels).otdd is None
