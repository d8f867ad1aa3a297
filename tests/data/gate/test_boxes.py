"""The rules about boxes, one by one."""

from typing import Any

import numpy as np
import pytest

from crosstune.core.overlaps import overlaps
from crosstune.data.boxes.form import an_object
from crosstune.data.gate.boxes import Judged, box_findings, judge_boxes
from crosstune.data.gate.finding import ERROR
from crosstune.data.places import CXCYWH, XYWH, Form


def judged(
    *pictures: list[tuple[float, float, float, float]],
    form: Form | None = None,
    size: tuple[int, int] = (40, 30),
    declared: tuple[int, int] | None = None,
    label: str = "cat",
) -> Judged:
    objects: list[list[dict[str, Any]]] = [
        [an_object(box, label, f"{row}:{place}") for place, box in enumerate(boxes)]
        for row, boxes in enumerate(pictures)
    ]
    sizes = np.array([size] * len(objects), np.uint32)
    usable = np.ones(len(objects), np.bool_)
    return judge_boxes(objects, sizes, [declared] * len(objects), form or Form(), usable)


def codes(found: Judged) -> dict[int, str]:
    return {row: code for row, (code, _) in found.problems.items()}


def test_good_boxes_and_backgrounds_are_counted() -> None:
    found = judged([(0, 0, 40, 30), (3, 4, 10, 12)], [])
    assert (found.problems, found.labelled, found.backgrounds, found.objects) == ({}, 1, 1, 2)


def test_a_pixel_outside_is_clipped_and_more_is_a_fault() -> None:
    found = judged([(-1, 0, 41, 30)], [(-1.5, 0, 20, 20)], [(0, 0, 20, 31.5)])
    assert codes(found) == {1: "box-outside-picture", 2: "box-outside-picture"}
    assert found.kept[0][0]["box"] == [0, 0, 40, 30]
    assert found.clipped == 1


def test_no_area_and_turned_round() -> None:
    found = judged([(3, 4, 3, 9)], [(20, 20, 10, 25)], [(39, 29, 39, 29)])
    assert set(codes(found).values()) == {"box-without-area"}
    assert "turned round" in found.problems[1][1]
    assert "0 x 5 pixels large" in found.problems[0][1]


def test_several_boxes_that_fit_only_in_another_form_are_written_in_it() -> None:
    # (20, 10, 36, 28) and (25, 5, 39, 25), left, top, right, bottom, read as left, top, width, height
    found = judged([(20, 10, 56, 38), (25, 5, 64, 30)], form=Form(XYWH))
    assert codes(found) == {0: "wrong-box-form"}
    assert "as xyxy in pixels all boxes of the picture would fit" in found.problems[0][1]


def test_a_single_box_that_leaves_its_picture_is_just_that_with_a_hint() -> None:
    found = judged([(20, 10, 56, 38)], form=Form(XYWH))
    assert codes(found) == {0: "box-outside-picture"}
    assert "as xyxy in pixels" in found.problems[0][1]


def test_shares_where_pixels_are_declared_lie_in_the_first_pixel() -> None:
    found = judged([(0.1, 0.2, 0.5, 0.9)])
    assert codes(found) == {0: "wrong-box-form"}
    assert "first pixel" in found.problems[0][1]


def test_pixels_where_shares_are_declared() -> None:
    form, size = Form(CXCYWH, normalised=True), np.array([40, 30, 40, 30])
    boxes = np.array([[15.0, 10, 25, 20], [5, 5, 15, 15]])
    centred = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    wrong = np.concatenate([centred[:, :2] - centred[:, 2:] / 2, centred[:, :2] + centred[:, 2:] / 2], axis=1)
    found = judged([tuple(row) for row in (wrong * size).tolist()], form=form)
    assert codes(found) == {0: "wrong-box-form"}
    assert "as cxcywh in pixels" in found.problems[0][1]


def test_when_a_tenth_of_the_pictures_is_in_another_form_the_set_is() -> None:
    wrong = [(20.0, 10.0, 56.0, 38.0)]
    few, many = ([wrong] * 3 + [[(1.0, 1.0, 9.0, 9.0)]] * count for count in (28, 27))
    for pictures, severe in ((few, False), (many, True)):
        found = box_findings({"train": judged(*pictures, form=Form(XYWH))}, Form(XYWH))
        assert any(one.code == "wrong-box-form" and one.severity == ERROR for one in found) is severe


def test_another_size_is_named_and_turning_is_recognised() -> None:
    found = judged([(1, 1, 9, 9)], declared=(30, 40))
    assert codes(found) == {0: "picture-size-differs"}
    assert found.problems[0][1].endswith("it is turned upright by its EXIF data")
    assert codes(judged([(1, 1, 9, 9)], declared=(40, 30))) == {}


def test_doubles_are_left_out_and_contradictions_stay() -> None:
    found = judged([(1, 1, 21, 21), (1, 1, 21, 21.5), (1, 1, 21, 21)])
    assert found.doubles == ["0:0 = 0:1", "0:0 = 0:2"]
    assert len(found.kept[0]) == 1
    sizes, usable = np.array([[40, 30]], np.uint32), np.ones(1, np.bool_)
    pair = [an_object((1, 1, 9, 9), "cat", "a"), an_object((1, 1, 9, 9), "dog", "b")]
    against = judge_boxes([pair], sizes, [None], Form(), usable)
    assert (against.doubles, against.contradictions) == ([], ["a = b (cat, dog)"])
    assert len(against.kept[0]) == 2


def test_tiny_boxes_are_noted() -> None:
    assert judged([(1, 1, 2.5, 20)], [(1, 1, 3, 20)]).tiny == ["0:0"]


def test_overlaps_are_intersection_over_union() -> None:
    one = np.array([[0.0, 0, 10, 10]])
    other = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [0, 0, 0, 0]])
    assert overlaps(one, other)[0] == pytest.approx([1, 1 / 3, 0, 0])
