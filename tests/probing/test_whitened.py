"""Heads fitted in whitened coordinates are the heads that other programs fit."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from crosstune.core.clock import Budget
from crosstune.core.settings import Settings
from crosstune.probing.logistic import OutOfTime
from crosstune.probing.matrix import Matrix, measure_scale
from crosstune.probing.whitened import Head, Whitened, minimise, whiten
from crosstune.tasks.registry import make_task


def features(rows: int, width: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    mixed = draw.normal(size=(rows, width)) @ (draw.normal(size=(width, width)) * np.logspace(0, -2, width))
    return (mixed + 3).astype(np.float32)


def fitted(values: np.ndarray, raw: list[object], loss: str, penalty: float) -> tuple[Whitened, Head]:
    name = "image-regression" if isinstance(raw[0], float) else "image-classification"
    task = make_task(name, raw)
    encoded = task.encode(raw)
    where = whiten(Matrix(((values,),)), task.linear_targets(encoded))
    start = np.zeros((len(where.variances), task.outputs)), np.zeros(task.outputs)
    targets = torch.from_numpy(encoded).float() if name == "image-regression" else torch.from_numpy(encoded)
    head = minimise(
        where, np.arange(len(raw)), targets, task.make_loss(Settings(loss=loss), encoded), penalty, start,
        curvature=0.2, deadline=Budget(),
    )  # fmt: skip
    return where, head


@pytest.mark.parametrize(("rows", "width"), [(120, 12), (40, 60)])
def test_cross_entropy_is_logistic_regression(rows: int, width: int) -> None:
    values = features(rows, width)
    labels = np.random.default_rng(1).integers(0, 3, rows)
    where, head = fitted(values, [f"c{one}" for one in labels], "cross-entropy", penalty=10.0)
    scaled = measure_scale(Matrix(((values,),))).apply(values.astype(np.float64))
    other = LogisticRegression(C=1 / 10.0, tol=1e-8, max_iter=2000).fit(scaled, labels)
    ours = where.outputs(head, np.arange(rows))
    theirs = other.decision_function(scaled)
    np.testing.assert_allclose(ours - ours.mean(1, keepdims=True), theirs, atol=0.05)
    assert np.abs(theirs).max() > 0.5


def test_squared_error_is_ridge() -> None:
    values = features(90, 10)
    truth = values @ np.random.default_rng(2).normal(size=10)
    where, head = fitted(values, truth.astype(float).tolist(), "mse", penalty=8.0)
    scaled = measure_scale(Matrix(((values,),))).apply(values.astype(np.float64))
    target = (truth - truth.mean()) / truth.std()
    other = Ridge(alpha=4.0).fit(scaled, target)  # its objective has no half before the penalty
    np.testing.assert_allclose(
        where.outputs(head, np.arange(90))[:, 0], other.predict(scaled), atol=0.02
    )  # fmt: skip


def test_a_constant_column_and_a_single_one_have_a_head() -> None:
    values = np.ones((30, 2), dtype=np.float32)
    values[:, 0] = np.arange(30) % 2
    labels = [f"c{i % 2}" for i in range(30)]
    for part in (values, values[:, :1]):
        where, head = fitted(part, labels, "cross-entropy", penalty=1.0)
        assert (where.outputs(head, np.arange(30)).argmax(1) == np.arange(30) % 2).all()
    where, head = fitted(values[:, 1:], labels, "cross-entropy", penalty=1.0)
    assert np.isfinite(where.outputs(head, np.arange(30))).all()


def test_the_deadline_ends_a_fit() -> None:
    where = whiten(Matrix(((features(20, 3),),)), np.ones((20, 1)))
    with pytest.raises(OutOfTime):
        minimise(
            where, np.arange(20), torch.zeros(20), lambda *_: None, 1.0, (np.zeros((3, 1)), np.zeros(1)),  # type: ignore[arg-type, return-value]
            curvature=1.0, deadline=Budget(0.0),
        )  # fmt: skip
