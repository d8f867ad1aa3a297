"""H-score: invariant to invertible maps, its floor on noise, scikit-learn's shrinkage, and the edges."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf as reference

from crosstune.probing.h_score import h_score, ledoit_wolf


def problem(rows: int = 120, width: int = 6, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, classes, rows)
    return draw.normal(size=(classes, width))[labels] + draw.normal(size=(rows, width)), labels


def test_it_is_the_trace_of_its_definition() -> None:
    features, labels = problem()
    means = np.stack([features[labels == label].mean(axis=0) for label in labels])
    covariance, between = np.cov(features.T, bias=True), np.cov(means.T, bias=True)
    expected = np.trace(np.linalg.inv(covariance) @ between)
    assert h_score(features, labels, shrinkage=0) == pytest.approx(expected)
    shrunk, shrinkage = reference(features)
    expected = np.trace(np.linalg.inv(shrunk) @ between) * (1 - shrinkage)
    assert h_score(features, labels) == pytest.approx(expected)


def test_an_invertible_map_changes_nothing_without_shrinkage() -> None:
    features, labels = problem()
    mixed = features @ np.random.default_rng(1).normal(size=(6, 6)) + 100
    assert h_score(mixed, labels, shrinkage=0) == pytest.approx(h_score(features, labels, shrinkage=0))


@pytest.mark.parametrize(("rows", "width"), [(200, 5), (30, 80)])
def test_the_shrinkage_is_that_of_scikit_learn(rows: int, width: int) -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(rows, width)) * draw.uniform(0.5, 3, width)
    centred = features - features.mean(axis=0)
    assert ledoit_wolf(centred, centred.T @ centred, width) == pytest.approx(reference(features)[1])


def test_noise_has_the_expected_floor() -> None:
    draw = np.random.default_rng(0)
    features, labels = draw.normal(size=(500, 50)), draw.integers(0, 5, 500)
    assert h_score(features, labels, shrinkage=0) == pytest.approx(4 * 50 / 499, rel=0.15)


@pytest.mark.parametrize("shrinkage", [0, None])
def test_the_edges_are_defined(shrinkage: float | None) -> None:
    features, labels = problem(20, 3)
    assert h_score(features, np.zeros(20, int), shrinkage=shrinkage) == pytest.approx(0)
    assert h_score(np.ones((20, 3)), labels, shrinkage=shrinkage) == 0
    once = np.array([7, *[2] * 19])  # a class with one row, and class numbers with gaps
    assert 0 < h_score(features, once, shrinkage=shrinkage) <= 1
    wide = h_score(np.random.default_rng(0).normal(size=(20, 60)), labels, shrinkage=shrinkage)
    assert 0 < wide <= 3 + 1e-9
    assert 0 <= h_score(features[:, :1], labels, shrinkage=shrinkage) <= 1
    assert h_score(features[:1], labels[:1], shrinkage=shrinkage) == 0
