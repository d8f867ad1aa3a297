"""LEEP and NCE: perfect, chance, hand-computed and order of classes."""

import numpy as np
import pytest

from crosstune.probing.source_head import leep, nce


def test_a_source_that_knows_the_classes_scores_zero() -> None:
    labels = np.arange(60) % 3
    for score in (leep, nce):
        assert score(np.eye(3)[labels], labels) == pytest.approx(0, abs=1e-12)
        # more source classes than classes
        assert score(np.eye(6)[labels * 2 + np.arange(60) % 2], labels) == pytest.approx(0, abs=1e-12)


def test_a_source_that_knows_nothing_scores_minus_log_classes() -> None:
    draw = np.random.default_rng(0)
    labels = np.arange(40_000) % 4
    theta = draw.dirichlet(np.ones(5), 40_000)
    assert leep(theta, labels) == pytest.approx(-np.log(4), abs=1e-3)
    assert nce(theta, labels) == pytest.approx(-np.log(4), abs=1e-3)
    uniform = np.full((40_000, 5), 0.2)
    assert leep(uniform, labels) == pytest.approx(-np.log(4))
    assert nce(uniform, labels) == pytest.approx(-np.log(4))


def test_by_hand() -> None:
    theta, labels = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]]), np.array([0, 0, 1])
    given = np.array([[1.2 / 1.5, 0.8 / 1.5], [0.3 / 1.5, 0.7 / 1.5]])
    expected = [given[0] @ theta[0], given[0] @ theta[1], given[1] @ theta[2]]
    assert leep(theta, labels) == pytest.approx(np.log(expected).mean())
    # likeliest sources 0, 1, 1: two rows of source 1 hold one of each class
    assert nce(theta, labels) == pytest.approx(-2 / 3 * np.log(2))


def test_names_of_classes_and_unused_sources_do_not_matter() -> None:
    draw = np.random.default_rng(0)
    theta, labels = draw.dirichlet(np.ones(4), 50), draw.integers(0, 3, 50)
    more = np.concatenate([theta, np.zeros((50, 2))], axis=1)
    for score in (leep, nce):
        assert score(more, 100 - 7 * labels) == pytest.approx(score(theta, labels))
        assert score(theta, np.zeros(50, int)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("bad", [np.full((3, 2), np.nan), np.full((3, 2), 2.0), np.ones(3), np.ones((2, 2))])
def test_what_is_no_probability_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="source probabilities"):
        leep(bad, np.array([0, 1, 0]))
