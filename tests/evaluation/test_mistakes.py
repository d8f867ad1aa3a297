"""Confusion by hand, and the order of the worst examples."""

import numpy as np
from sklearn.metrics import confusion_matrix

from crosstune.evaluation.mistakes import confusion, worst
from crosstune.tasks.registry import make_task


def test_confusion_counts_truth_by_row() -> None:
    task = make_task("image-classification", ["a", "b", "c"])
    draw = np.random.default_rng(0)
    outputs, targets = draw.normal(size=(60, 3)), draw.integers(0, 2, 60)  # class c: never true
    expected = confusion_matrix(targets, outputs.argmax(axis=1), labels=range(3))
    np.testing.assert_array_equal(confusion(task, outputs, targets), expected)


def test_only_exclusive_classes_have_a_confusion() -> None:
    task = make_task("text-regression", [1.0, 2.0])
    assert confusion(task, np.zeros((2, 1)), task.encode([1.0, 2.0])).tolist() == []


def test_the_most_confident_mistakes_come_first_and_right_ones_never() -> None:
    task = make_task("image-classification", ["a", "b"])
    outputs = np.array([[1.0, 0.0], [0.0, 90.0], [50.0, 0.0], [0.0, 99.0]])
    targets = np.array([1, 0, 0, 0])  # confidence of 1 and 3 both round to one
    assert worst(task, outputs, targets) == [3, 1, 0]
    assert worst(task, outputs, targets, most=1) == [3]


def test_several_labels_go_by_their_surest_wrong_decision() -> None:
    task = make_task("text-classification", [["a"], ["b"]])
    outputs = np.array([[9.0, -1.0], [-2.0, 8.0], [-3.0, 1.0]])
    targets = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    assert worst(task, outputs, targets) == [1, 0]


def test_values_go_by_the_residual_and_perfect_ones_never_count() -> None:
    task = make_task("text-regression", [1.0, 2.0])
    outputs = np.array([[0.0], [1.0], [-9.0]])
    assert worst(task, outputs, np.array([0.5, 1.0, 0.0])) == [2, 0]
