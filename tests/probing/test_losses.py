"""Losses are compared on the same unseen rows, and the default stays unless another is surely better."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from crosstune.core.clock import Budget
from crosstune.core.settings import Settings
from crosstune.probing.losses import ADJUSTED, FOLDS, LossComparison, _folds, compare_losses
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task


def classes(rows: int, *, rare: float = 0.5, seed: int = 0) -> tuple[Task, np.ndarray, np.ndarray]:
    """Two classes whose means are two deviations apart; ``rare`` is the share of the second."""
    draw = np.random.default_rng(seed)
    labels = (np.arange(rows) < rare * rows).astype(int)
    values = draw.normal(size=(rows, 6)) + labels[:, None] * np.array([2.0, 0, 0, 0, 0, 0])
    task = make_task("image-classification", [f"c{one}" for one in labels])
    return task, values.astype(np.float32), labels


def compared(task: Task, values: np.ndarray, encoded: np.ndarray, **options: Any) -> LossComparison:
    """Compare without a deadline."""
    settings = options.pop("settings", Settings())
    return compare_losses(task, values, encoded, settings=settings, deadline=Budget(), **options)


def by_name(found: LossComparison) -> dict[str, Any]:
    return {one.name: one for one in found.scores}


def test_equal_classes_leave_the_default() -> None:
    task, values, labels = classes(400)
    found = compared(task, values, labels)
    assert [one.name for one in found.scores] == list(task.losses)
    assert (found.preferred, found.default, found.untried) == ("cross-entropy", "cross-entropy", ())
    assert found.figure == "accuracy"
    default = found.scores[0]
    assert default.gain is None
    assert default.metric.value == pytest.approx(0.84, abs=0.05)  # 1 - Phi(-1)
    assert default.outputs.shape == (400, 2)
    rows = found.measurements()
    assert len(rows) == 2 * len(task.losses) - 1
    assert {row.name for row in rows} >= {"loss/focal", "loss/focal/gain"}


def test_rare_classes_need_an_adjustment_for_balanced_accuracy_only() -> None:
    task, values, labels = classes(900, rare=0.04)
    found = compared(task, values, labels, metric="balanced-accuracy")
    named = by_name(found)
    assert {"logit-adjusted", ADJUSTED} <= named.keys()
    assert named[ADJUSTED].gain.low > 0
    assert named["logit-adjusted"].gain.low > 0
    assert found.preferred in ("logit-adjusted", "class-balanced", ADJUSTED)
    assert named[found.preferred].metric.value > named["cross-entropy"].metric.value + 0.05
    assert compared(task, values, labels).preferred == "cross-entropy"


def test_the_adjustment_subtracts_the_log_shares_of_the_fitted_rows() -> None:
    task, values, labels = classes(600, rare=0.05)
    held = classes(200, rare=0.5, seed=1)
    found = by_name(compared(task, values, labels, validation=held[1:]))
    difference = found["cross-entropy"].outputs - found[ADJUSTED].outputs
    np.testing.assert_allclose(difference, np.tile(np.log([570.5 / 601, 30.5 / 601]), (200, 1)))


def test_validation_rows_are_judged_in_their_order() -> None:
    task, values, labels = classes(300)
    held_values, held_labels = classes(120, seed=1)[1:]
    found = compared(
        task, values, labels, validation=(held_values, held_labels)
    )  # fmt: skip
    outputs = found.scores[0].outputs
    assert len(outputs) == 120
    other = LogisticRegression(C=1 / found.scores[0].penalty).fit(values, labels)
    agree = (outputs.argmax(1) == other.predict(held_values)).mean()
    assert agree > 0.97
    assert found.scores[0].metric.value == pytest.approx((outputs.argmax(1) == held_labels).mean())


def test_outliers_make_huber_better_than_squares() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(600, 5)).astype(np.float32)
    truth = values[:, 0] + 0.1 * draw.normal(size=600)
    wild = truth.copy()
    wild[::9] += 40 * draw.normal(size=len(wild[::9]))
    task = make_task("image-regression", wild.tolist())
    found = compared(
        task, values, task.encode(wild.tolist()),
        validation=(values, task.encode(truth.tolist())),
    )  # fmt: skip
    named = by_name(found)
    assert found.preferred == "huber"
    assert named["huber"].metric.value > 0.97


def test_without_a_choice_or_without_time_the_default_stays() -> None:
    several = make_task("image-classification", [["a"], ["b"], []])
    encoded = several.encode([["a"], ["b"], []])
    found = compared(several, np.eye(3, dtype=np.float32), encoded)
    assert (found.scores, found.preferred, found.best) == ((), several.losses[0], None)
    task, values, labels = classes(60)
    late = compare_losses(task, values, labels, settings=Settings(), deadline=Budget(0.0))
    assert (late.scores, late.untried, late.preferred) == ((), task.losses, "cross-entropy")


def test_class_weights_leave_out_the_loss_that_brings_its_own() -> None:
    task, values, labels = classes(60)
    found = compared(task, values, labels, settings=Settings(class_weights="auto"))
    assert [one.name for one in found.scores] == [name for name in task.losses if name != "class-balanced"]


def test_one_example_of_a_class_and_features_that_say_nothing_have_an_answer() -> None:
    labels = np.array([0] * 20 + [1] * 20 + [2])
    task = make_task("image-classification", [f"c{one}" for one in labels])
    found = compared(task, np.ones((41, 3), dtype=np.float32), labels)
    assert found.preferred == "cross-entropy"
    assert all(np.isfinite(one.outputs).all() for one in found.scores)


def test_folds_hold_every_row_once_and_groups_together() -> None:
    task, _, labels = classes(60, rare=0.1)
    folds = _folds(task, labels, None, 0)
    assert sorted(np.concatenate([judged for _, judged in folds]).tolist()) == list(range(60))
    assert [int(labels[judged].sum()) for _, judged in folds] == [2, 2, 2]
    groups = [index // 4 for index in range(60)]
    for fit, judged in _folds(task, labels, groups, 0):
        assert not {groups[row] for row in fit} & {groups[row] for row in judged}
    assert len(_folds(task, labels, ["one"] * 60, 0)) == 0
    assert len(folds) == FOLDS
