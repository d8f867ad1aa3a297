"""Curves and confusions of boxes, by hand and against the figures that they belong to."""

import numpy as np
import pytest

from crosstune.evaluation.box_figures import box_confusion, precision_curves
from crosstune.evaluation.scores import point
from crosstune.tasks.box_rows import BoxRows, as_array, from_array
from tests.support.boxes import Boxes, drawn, rows

CLASSES = ("cat", "dog", "owl")


def test_curves_average_to_the_precision_at_half_an_overlap() -> None:
    found, truth = drawn(12, 1)
    task = Boxes(CLASSES)
    answers, true = as_array(found), as_array(truth)
    curves = precision_curves(task, answers, true)
    assert [one.name for one in curves] == list(CLASSES)
    assert curves[0].steps == list(range(101))
    mean = np.mean([np.nan_to_num(one.values).mean() for one in curves])
    assert mean == pytest.approx(point(task, answers, true)["map-50"])
    assert all(np.all(np.diff(one.values)[np.isfinite(np.diff(one.values))] <= 0) for one in curves)


def test_a_class_without_truth_has_no_curve_and_many_classes_have_their_mean() -> None:
    truth = as_array([rows([[0, 0, 50, 50]], [0], [1])])
    found = as_array([rows([[0, 0, 50, 50], [60, 60, 90, 90]], [0, 1], [0.9, 0.8])])
    (curve,) = precision_curves(Boxes(CLASSES), found, truth)
    assert (curve.name, curve.values) == ("cat", [1.0] * 101)
    many = Boxes(tuple(map(str, range(11))))
    (curve,) = precision_curves(many, found, truth)
    assert (curve.name, curve.values) == ("mean", [1.0] * 101)
    nothing = as_array([rows([], [], [])])
    assert precision_curves(many, nothing, nothing) == ()


def test_boxes_pair_within_their_class_first_and_the_rest_is_background() -> None:
    truth = rows(
        [[0, 0, 10, 10], [50, 50, 60, 60], [80, 0, 90, 10], [100, 0, 200, 100]], [0, 1, 2, 1], [1, 1, 1, 0]
    )
    found = rows(
        [
            [0, 0, 10, 9],
            [0, 0, 10, 10],
            [50, 50, 60, 60],
            [150, 10, 160, 20],
            [120, 10, 130, 20],
            [80, 0, 90, 10],
        ],
        [1, 0, 0, 1, 0, 2],
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.2],
    )  # the cat is found and called a dog too; a dog is called a cat; on the ignored dog lie a dog and a cat
    table = box_confusion(Boxes(CLASSES), as_array([found]), as_array([truth]))
    assert table.tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 0, 0]]


def test_the_diagonal_is_what_the_matching_counts() -> None:
    found, truth = drawn(20, 3)
    task = Boxes(CLASSES)
    table = box_confusion(task, as_array(found), as_array(truth))
    there = [one.only(one.values > 0) for one in truth]
    assert table[:-1].sum(axis=1).tolist() == [
        sum(int((one.classes == kind).sum()) for one in there) for kind in range(3)
    ]
    shown = from_array(as_array(found))
    right = sum(
        int(task.judge._pair(BoxRows.packed(one.only(one.values >= 0.3)), other.packed()).right[0, 0].sum())
        for one, other in zip(shown, truth, strict=True)
    )
    assert int(np.trace(table)) == right
    assert table[-1, -1] == 0
