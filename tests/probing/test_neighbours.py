"""Votes of the nearest neighbours against scikit-learn, in chunks, with groups, and at the edges."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from crosstune.probing.neighbours import neighbour_means, neighbour_outputs


def problem(rows: int = 60, width: int = 5) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return draw.normal(size=(rows, width)), np.eye(3)[draw.integers(0, 3, rows)]


def expected(features: np.ndarray, targets: np.ndarray, count: int) -> np.ndarray:
    """Leave each row out in turn; scikit-learn has distances 1 - cosine."""
    found = np.empty_like(targets)
    for row in range(len(features)):
        rest = np.arange(len(features)) != row
        weigh = KNeighborsRegressor(
            count, metric="cosine", weights=lambda far: np.exp((1 - far) / 0.07), algorithm="brute"
        )
        found[row] = weigh.fit(features[rest], targets[rest]).predict(features[row : row + 1])[0]
    return found


def test_votes_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = problem()
    found = neighbour_means(features, targets)
    np.testing.assert_allclose(found, expected(features, targets, 20), atol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    gram = features @ features.T
    np.testing.assert_allclose(neighbour_means(features, targets, gram=gram), found, atol=1e-4)
    monkeypatch.setattr("crosstune.probing.neighbours.CHUNK_VALUES", 7 * 60)
    np.testing.assert_allclose(neighbour_means(features, targets), found, atol=1e-6)


def test_values_are_averaged() -> None:
    features, _ = problem()
    values = np.random.default_rng(1).normal(size=(60, 1))
    found = neighbour_means(features, values, neighbours=4)
    np.testing.assert_allclose(found, expected(features, values, 4), atol=1e-4)


def test_rows_of_one_group_do_not_vote_for_each_other() -> None:
    features, targets = problem(10)
    features, targets = np.repeat(features, 2, axis=0), np.repeat(targets, 2, axis=0)
    groups = np.repeat(np.arange(10), 2)
    alone = neighbour_means(features, targets, neighbours=1)
    np.testing.assert_allclose(alone, targets)
    apart = neighbour_means(features, targets, neighbours=1, groups=groups)
    np.testing.assert_allclose(apart[::2], neighbour_means(features[::2], targets[::2], neighbours=1))


def test_rows_without_neighbours_get_the_mean_of_the_others() -> None:
    features, targets = np.zeros((4, 3)), np.eye(4)[:, :2]
    others = (targets.sum(axis=0) - targets) / 3
    np.testing.assert_allclose(neighbour_means(features, targets), others)
    features[0] = 1.0  # one row with a direction has nobody to compare it with either
    np.testing.assert_allclose(neighbour_means(features, targets), others)
    np.testing.assert_allclose(neighbour_means(np.ones((1, 2)), np.ones((1, 1))), 1.0)


def test_two_rows_and_one_column() -> None:
    found = neighbour_means(np.array([[1.0], [2.0], [-1.0]]), np.eye(3))
    # cosines 1 and -1: exp(-2 / 0.07) is nothing, so the one of the same sign decides
    np.testing.assert_allclose(found[:2], [[0, 1, 0], [1, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(found[2], [0.5, 0.5, 0])


def test_shares_become_what_a_head_would_give() -> None:
    targets = np.array([[1.0, 0], [1, 0], [0, 1], [1, 0]])
    means = np.array([[1.0, 0], [0.5, 0.5], [0, 1], [1, 0]])
    logs = neighbour_outputs("classes", means, targets)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(logs[0]), [20.75 / 21, 0.25 / 21])
    odds = neighbour_outputs("multi-label", means, targets)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), np.exp(logs))
    assert neighbour_outputs("values", means, targets) is means


def test_labels_that_all_or_no_rows_have_stay_finite() -> None:
    targets = np.array([[1.0, 0], [1, 0]])
    odds = neighbour_outputs("multi-label", targets, targets)
    assert np.isfinite(odds).all()
    assert (np.sign(odds) == [1, -1]).all()
