"""Average precision against pycocotools, whole, resampled and paired; likeness of boxes by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crosstune.evaluation.bootstrap import resamples_of
from crosstune.evaluation.paired import paired_difference
from crosstune.evaluation.scores import point, score
from crosstune.tasks.box_metrics import Judge, mismatch, unlikeness
from crosstune.tasks.box_rows import BoxRows, as_array
from tests.support.boxes import SIZE, Boxes, drawn, placed, rows
from tests.support.cocoapi import figures

CLASSES = ("cat", "dog", "owl")


def same(ours: dict[str, float], theirs: dict[str, float]) -> None:
    assert ours == pytest.approx(theirs, abs=1e-12, nan_ok=True)


def reduced(
    task: Boxes, found: list[BoxRows], truth: list[BoxRows], index: NDArray[np.int64]
) -> dict[str, float]:
    prepared = {name: spec.prepare(as_array(found), as_array(truth)) for name, spec in task.metrics.items()}
    return {
        name: task.metrics[name].reduce(*(one.take(index, axis=0) for one in arrays))
        for name, arrays in prepared.items()
    }


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 12))
def test_every_figure_is_that_of_pycocotools(seed: int, classes: int, most: int) -> None:
    names = tuple(f"class {place}" for place in range(classes))
    found, truth = drawn(5, seed, classes, most)
    same(point(Boxes(names), as_array(found), as_array(truth)), figures(found, truth, names))


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_resampled_figures_are_those_of_the_repeated_pictures(seed: int) -> None:
    found, truth = drawn(8, seed)
    index = np.sort(np.random.default_rng(seed).integers(0, 8, 12))
    again = figures([found[row] for row in index], [truth[row] for row in index], CLASSES)
    same(reduced(Boxes(CLASSES), found, truth, index), again)
    same(reduced(Boxes(CLASSES), found, truth, index[::-1]), again)


def test_equal_scores_stand_in_the_order_of_the_pictures() -> None:
    found, truth = drawn(10, 5)
    found = [BoxRows(one.size, one.boxes, one.classes, np.round(one.values, 1)) for one in found]
    same(point(Boxes(CLASSES), as_array(found), as_array(truth)), figures(found, truth, CLASSES))
    part = np.array([1, 4, 5, 9])
    again = figures([found[row] for row in part], [truth[row] for row in part], CLASSES)
    same(reduced(Boxes(CLASSES), found, truth, part), again)
    same(reduced(Boxes(CLASSES), found, truth, part[::-1]), again)


def test_equal_overlaps_go_to_the_last_and_shares_at_a_threshold_count() -> None:
    truth = rows([[0, 0, 20, 10], [10, 0, 30, 10], [100, 100, 110, 110]], [0, 0, 1], [1, 1, 1])
    found = rows([[5, 0, 25, 10], [0, 0, 20, 10], [100, 100, 110, 105]], [0, 0, 1], [0.9, 0.8, 0.7])
    same(point(Boxes(CLASSES), as_array([found]), as_array([truth])), figures([found], [truth], CLASSES))
    assert point(Boxes(CLASSES), as_array([found]), as_array([truth]))["map-50"] == 1.0


def test_many_boxes_of_a_class_are_cut_off_at_a_hundred() -> None:
    draw = np.random.default_rng(1)
    boxes, _ = placed(draw, 150, 1)
    truth = BoxRows(SIZE, boxes, np.zeros(150, np.int64), np.ones(150))
    values = np.sort(draw.random(150))[::-1]
    found = BoxRows(SIZE, boxes, np.zeros(150, np.int64), values)
    ours = point(Boxes(("cat",)), as_array([found]), as_array([truth]))
    same(ours, figures([found], [truth], ("cat",)))
    assert ours["recall-100"] == pytest.approx(100 / 150)


def test_what_has_no_truth_is_not_a_number_and_no_part_of_a_mean() -> None:
    truth = [rows([[0, 0, 50, 50]], [0], [1]), rows([], [], [])]
    found = [rows([[0, 0, 50, 50], [60, 60, 90, 90]], [0, 1], [0.9, 0.8]), rows([], [], [])]
    ours = point(Boxes(CLASSES), as_array(found), as_array(truth))
    assert (ours["map"], ours["map-medium"], ours["ap/cat"]) == (1.0, 1.0, 1.0)
    assert np.isnan([ours["ap/dog"], ours["ap/owl"], ours["map-small"], ours["map-large"]]).all()
    nothing = as_array([rows([], [], [])])
    assert np.isnan(list(point(Boxes(CLASSES), nothing, nothing).values())).all()


def test_more_than_thirty_classes_get_no_figures_of_their_own() -> None:
    names = tuple(map(str, range(31)))
    assert list(Boxes(names).metrics) == [
        "map", "map-50", "map-75", "map-small", "map-medium", "map-large", "recall-100"
    ]  # fmt: skip


def test_intervals_go_without_resamples_in_which_a_figure_is_not_defined() -> None:
    found, truth = drawn(30, 2)
    owls = [0 if 2 in one.classes[one.values > 0] else 1 for one in truth]
    chosen = [*np.flatnonzero(owls)[:15], int(np.argmin(owls))]  # one picture alone has owls
    found, truth = [found[row] for row in chosen], [truth[row] for row in chosen]
    given_ = score(Boxes(CLASSES), as_array(found), as_array(truth), resamples=60)
    drawn_ = [
        figures([found[row] for row in index], [truth[row] for row in index], CLASSES)
        for index in resamples_of(len(chosen), seed=0, resamples=60)
    ]
    for name in ("map", "map-50", "ap/owl", "map-small"):
        values = np.array([one[name] for one in drawn_])
        ends = np.percentile(values[~np.isnan(values)], [2.5, 97.5])
        assert [given_[name].low, given_[name].high] == pytest.approx(ends.tolist(), abs=1e-12), name
    assert np.isnan([one["ap/owl"] for one in drawn_]).any()


def test_a_paired_difference_draws_the_same_pictures_for_both() -> None:
    found, truth = drawn(12, 3)
    worse = [one.only(one.values > 0.5) for one in found]
    ours, theirs, true = (as_array(some) for some in (found, worse, truth))
    spec = Boxes(CLASSES).metrics["map-50"]
    gained = paired_difference(spec, ours, theirs, true, resamples=40)
    indices = [np.arange(12), *resamples_of(12, seed=0, resamples=40)]
    values = [
        figures([found[row] for row in index], [truth[row] for row in index], CLASSES)["map-50"]
        - figures([worse[row] for row in index], [truth[row] for row in index], CLASSES)["map-50"]
        for index in indices
    ]
    assert gained.value == pytest.approx(values[0])
    assert [gained.low, gained.high] == pytest.approx(np.percentile(values[1:], [2.5, 97.5]).tolist())


def test_pairs_are_matched_once_and_the_sizes_must_agree() -> None:
    found, truth = drawn(6, 4)
    judge = Judge(3)
    first = judge(as_array(found), as_array(truth))
    assert judge(as_array(found), as_array(truth)) is first
    judge(as_array(found[::-1]), as_array(truth[::-1]))
    assert len(judge._known) == len({(f.packed(), t.packed()) for f, t in zip(found, truth, strict=True)})
    other = BoxRows((10.0, 10.0), np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))
    with pytest.raises(ValueError, match="cannot be compared"):
        judge(as_array([other]), as_array(truth[:1]))


def test_mismatch_is_the_share_of_boxes_without_a_partner() -> None:
    truth = rows([[0, 0, 10, 10], [50, 50, 60, 60], [100, 0, 200, 100]], [0, 1, 0], [1, 1, 0])
    found = rows(
        [[0, 0, 10, 9], [0, 0, 10, 10], [50, 50, 60, 60], [110, 10, 120, 20]],
        [0, 0, 0, 0],
        [0.9, 0.8, 0.7, 0.6],
    )
    assert mismatch(found, truth) == pytest.approx(3 / 5)  # one pair; the last lies on what is ignored
    assert mismatch(truth.only(truth.values > 0), truth) == 0.0
    nothing = rows([], [], [])
    assert (mismatch(nothing, nothing), mismatch(nothing, truth), mismatch(found, nothing)) == (0.0, 1.0, 1.0)


def test_unlikeness_weighs_pairs_by_their_scores() -> None:
    ours = rows([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 1], [0.8, 0.4])
    theirs = rows([[0, 0, 10, 8], [50, 50, 60, 60]], [0, 0], [0.6, 0.2])
    assert unlikeness(ours, theirs) == pytest.approx((0.8 * (0.2 + 0.2) + 0.4 + 0.2) / (0.8 + 0.4 + 0.2))
    nothing = rows([], [], [])
    assert (unlikeness(nothing, nothing), unlikeness(ours, ours), unlikeness(ours, nothing)) == (
        0.0,
        0.0,
        1.0,
    )
    assert unlikeness(nothing, ours) == 1.0
    edge = rows([[0, 0, 10, 10], [50, 50, 60, 60], [0, 80, 9, 90]], [0, 1, 2], [0.8, 0.4, 0.002])
    assert 0 < unlikeness(ours, edge) < 0.002


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_rounding_moves_unlikeness_by_as_little_as_boxes(seed: int) -> None:
    found, _ = drawn(1, seed, most=8)
    draw = np.random.default_rng(seed)
    ours = found[0]
    doubled = BoxRows(
        SIZE, np.repeat(ours.boxes, 2, axis=0), np.repeat(ours.classes, 2), np.repeat(ours.values, 2) * 0.9
    )  # boxes of equal places: which one is whose partner must not hang on the last digit
    doubled.values[::2] *= 0.8
    moved = BoxRows(
        SIZE, doubled.boxes + draw.normal(0, 1e-5, doubled.boxes.shape), doubled.classes,
        doubled.values + draw.normal(0, 1e-6, len(doubled)),
    )  # fmt: skip
    assert unlikeness(doubled, moved) < 1e-4
    assert 0.0 <= unlikeness(doubled, found[0]) <= 1.0
