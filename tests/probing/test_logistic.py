"""Logistic heads: the optimum against scikit-learn, both coordinate systems, the path and the deadline."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from crosstune.core.clock import Budget
from crosstune.probing.calibration import log_loss
from crosstune.probing.logistic import Holdout, fit_logistic, linear, refit_logistic
from crosstune.probing.matrix import Matrix, measure_scale


def problem(
    rows: int, width: int, classes: int, noise: float = 1.5
) -> tuple[Matrix, NDArray[np.int64], NDArray[np.float32]]:
    draw = np.random.default_rng(3)
    truth = draw.integers(0, classes, rows)
    centres = draw.normal(size=(classes, width))
    features = (centres[truth] + noise * draw.normal(size=(rows, width))) * draw.uniform(0.2, 4, width) + 2
    narrow = features.astype(np.float32)
    return Matrix(((narrow[:, :2], narrow[:, 2:]),)), truth, narrow


@pytest.mark.parametrize(("rows", "width", "classes"), [(200, 6, 3), (30, 50, 3), (90, 5, 2)])
@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_the_optimum_is_that_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, rows: int, width: int, classes: int, penalty: float
) -> None:
    monkeypatch.setattr("crosstune.probing.logistic.TOLERANCE", 0.0)
    monkeypatch.setattr("crosstune.probing.logistic.PASSES", 500)
    matrix, truth, features = problem(rows, width, classes)
    weight, bias = refit_logistic("classes", matrix, np.eye(classes)[truth], penalty)
    scaled = measure_scale(matrix).apply(features.astype(np.float64))
    # scikit-learn fits one row of weights for two classes: its penalty on it is twice ours on each of two
    strength = 1 / penalty if classes > 2 else 2 / penalty
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=5000)
    expected = model.fit(scaled, truth).predict_proba(scaled)
    logits = linear(matrix, weight, bias)
    found = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_several_labels_are_as_many_separate_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosstune.probing.logistic.TOLERANCE", 0.0)
    matrix, truth, features = problem(150, 5, 3)
    labels = np.stack([truth == 0, truth >= 1], axis=1).astype(float)
    weight, bias = refit_logistic("multi-label", matrix, labels, 2.0)
    scaled = measure_scale(matrix).apply(features.astype(np.float64))
    for label in range(2):
        model = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(scaled, labels[:, label])
        expected = model.decision_function(scaled)
        np.testing.assert_allclose(linear(matrix, weight, bias)[:, label], expected, atol=0.02)


def test_the_path_ends_when_the_validation_loss_rises_and_keeps_the_best() -> None:
    _, truth, features = problem(400, 40, 4, noise=8)
    train = Matrix(((features[:100],),))
    holdout = Holdout(matrix=Matrix(((features[100:],),)), targets=np.eye(4)[truth[100:]])
    fit = fit_logistic("classes", train, np.eye(4)[truth[:100]], holdout)
    losses = list(fit.losses.values())
    assert list(fit.losses) == sorted(fit.losses, reverse=True)
    assert losses[-1] > min(losses)
    assert losses[:-1] == sorted(losses[:-1], reverse=True)
    assert fit.losses[fit.penalty] == min(losses)
    again = log_loss("classes", linear(holdout.matrix, fit.weight, fit.bias), holdout.targets)
    assert again == fit.losses[fit.penalty]
    assert fit.stopped == "converged"


def test_no_time_at_all_gives_the_start_and_says_so() -> None:
    matrix, truth, _ = problem(60, 6, 3)
    start = np.random.default_rng(0).normal(size=(3, 6)), np.arange(3.0)
    over = Budget(seconds=1e-9, started=0.0)
    fit = fit_logistic(
        "classes",
        matrix,
        np.eye(3)[truth],
        Holdout(matrix=matrix, targets=np.eye(3)[truth]),
        start=start,
        deadline=over,
    )
    assert fit.stopped == "deadline"
    np.testing.assert_allclose(fit.weight, start[0], rtol=1e-6)
    np.testing.assert_allclose(fit.bias, start[1], atol=1e-6)


@pytest.mark.parametrize("kind", ["classes", "multi-label"])
def test_a_class_without_or_with_one_example_stays_finite(kind: str) -> None:
    matrix, truth, _ = problem(40, 3, 2)
    targets = np.eye(4)[truth]
    targets[0] = np.eye(4)[2]
    weight, bias = refit_logistic(kind, matrix, targets, 1.0)
    assert np.isfinite(weight).all()
    assert np.isfinite(bias).all()
    assert linear(matrix, weight, bias)[:, 3].max() < linear(matrix, weight, bias)[:, :2].max(axis=1).min()


def test_streaming_equals_the_copy_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, truth, _ = problem(300, 8, 3)
    monkeypatch.setattr("crosstune.probing.logistic.TOLERANCE", 0.0)
    kept = refit_logistic("classes", matrix, np.eye(3)[truth], 1.0)
    monkeypatch.setattr("crosstune.probing.matrix.KEPT_BYTES", 0)
    monkeypatch.setattr("crosstune.probing.matrix.CHUNK_BYTES", 4 * 8 * 77)
    streamed = refit_logistic("classes", matrix, np.eye(3)[truth], 1.0)
    np.testing.assert_allclose(streamed[0], kept[0], atol=2e-3)


def test_constant_features_give_the_log_shares() -> None:
    targets = np.eye(2)[[0, 0, 0, 1]]
    weight, bias = refit_logistic("classes", Matrix(((np.ones((4, 3), np.float32),),)), targets, 1.0)
    assert not weight.any()
    np.testing.assert_allclose(bias[0] - bias[1], np.log(3), atol=0.05)
    assert log_loss("classes", np.tile(bias, (4, 1)), targets) == pytest.approx(0.5623, abs=1e-3)


def test_a_path_keeps_the_head_of_its_best_penalty() -> None:
    draw = np.random.default_rng(3)
    truth = draw.integers(0, 3, size=900)
    values = (np.eye(8)[truth] + draw.normal(size=(900, 8))).astype(np.float32)
    targets = np.eye(3)[truth]
    matrix, held_out = Matrix(((values[:600],),)), Matrix(((values[600:],),))
    fit = fit_logistic("classes", matrix, targets[:600], Holdout(matrix=held_out, targets=targets[600:]))
    weight, bias = refit_logistic("classes", matrix, targets[:600], fit.penalty)
    assert fit.stopped == "converged"
    assert fit.penalty == min(fit.losses, key=lambda penalty: fit.losses[penalty])
    outputs, wanted = linear(held_out, fit.weight, fit.bias), linear(held_out, weight, bias)
    assert np.abs(outputs - wanted).max() < 0.05 * np.abs(wanted).max()
    assert (outputs.argmax(1) == truth[600:]).mean() > 0.6
