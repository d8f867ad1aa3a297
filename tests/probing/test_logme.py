"""LogME: the form of its first paper, rotations, width on noise, and the edges."""

import numpy as np
import pytest

from crosstune.probing.logme import evidence, fixed_point, left_out_densities, logme


def by_inverse(features: np.ndarray, targets: np.ndarray) -> float:
    """The evidence as in the paper of 2021: a D x D system, iterated until nothing moves."""
    rows, width = features.shape
    total = []
    for y in targets.T:
        alpha = beta = 1.0
        energy = np.linalg.eigvalsh(features.T @ features).clip(0)
        for _ in range(100):
            precision = alpha * np.eye(width) + beta * features.T @ features
            mean = beta * np.linalg.solve(precision, features.T @ y)
            effective = (beta * energy / (alpha + beta * energy)).sum()
            alpha = effective / (mean @ mean)
            beta = (rows - effective) / ((y - features @ mean) ** 2).sum()
        precision = alpha * np.eye(width) + beta * features.T @ features
        mean = beta * np.linalg.solve(precision, features.T @ y)
        error = ((y - features @ mean) ** 2).sum()
        log = width * np.log(alpha) + rows * np.log(beta / (2 * np.pi)) - np.linalg.slogdet(precision)[1]
        total.append((log - beta * error - alpha * mean @ mean) / 2 / rows)
    return float(np.mean(total))


@pytest.mark.parametrize(("rows", "width"), [(80, 10), (40, 90), (50, 1)])
def test_it_is_the_evidence_of_the_first_paper(rows: int, width: int) -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(rows, width))
    targets = features[:, :1] + draw.normal(size=(rows, 2))
    assert logme(features, targets) == pytest.approx(by_inverse(features, targets), abs=1e-5)


def test_noise_is_not_ranked_by_its_width() -> None:
    draw = np.random.default_rng(0)
    labels = np.eye(4)[draw.integers(0, 4, 100)]
    found = [logme(draw.normal(size=(100, width)), labels) for width in (40, 160, 640)]
    assert max(found) - min(found) < 0.01
    # no features at all: the log density of the labels around zero
    assert np.mean(found) == pytest.approx(-np.log(2 * np.pi * np.e / 4) / 2, abs=0.1)


def test_a_rotation_changes_nothing() -> None:
    draw = np.random.default_rng(0)
    features, targets = draw.normal(size=(60, 8)) * np.arange(1, 9), draw.normal(size=(60, 2))
    rotation = np.linalg.qr(draw.normal(size=(8, 8)))[0]
    assert logme(features @ rotation, targets) == pytest.approx(logme(features, targets), rel=1e-9)


def test_features_that_know_more_have_more_evidence() -> None:
    draw = np.random.default_rng(0)
    truth = draw.normal(size=(200, 3))
    found = [logme(truth + noise * draw.normal(size=(200, 3)), truth) for noise in (2.0, 1.0, 0.5)]
    assert found == sorted(found)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_targets_without_variance_have_a_finite_evidence(target: float) -> None:
    features = np.random.default_rng(0).normal(size=(30, 4))
    assert np.isfinite(logme(features, np.full((30, 1), target)))
    assert np.isfinite(logme(np.zeros((30, 4)), np.random.default_rng(0).normal(size=(30, 1))))


def test_left_out_densities_are_those_of_refits() -> None:
    draw = np.random.default_rng(0)
    features, targets = draw.normal(size=(25, 4)), draw.normal(size=(25, 1))
    basis, scale, _ = np.linalg.svd(features, full_matrices=False)
    projected = (basis.T @ targets) ** 2
    rest = (targets**2).sum(axis=0) - projected.sum(axis=0)
    precisions = fixed_point(scale**2, projected, rest, 25)
    found = left_out_densities(basis, scale**2, targets, precisions)
    alpha, beta = (float(one[0]) for one in precisions)
    for row in range(25):
        kept = np.arange(25) != row
        inner = np.linalg.inv(alpha * np.eye(4) + beta * features[kept].T @ features[kept])
        mean = features[row] @ inner @ features[kept].T @ targets[kept, 0] * beta
        variance = 1 / beta + features[row] @ inner @ features[row]
        expected = -np.log(2 * np.pi * variance) / 2 - (targets[row, 0] - mean) ** 2 / variance / 2
        assert found[row, 0] == pytest.approx(expected)
    # the evidence is the sum of densities foretold from fewer rows, so it is a little lower
    value = float(evidence(scale**2, projected, rest, 25, 4)[0])
    assert value < found.mean() < value + 0.3
