"""Labelled places: which pixels and boxes are drawn, from what, and how many."""

from typing import Any

import numpy as np
import pytest

from crosstune.core.overlaps import overlaps
from crosstune.core.seeding import generator
from crosstune.tasks.box_rows import BoxRows
from crosstune.tasks.image_segmentation import ImageSegmentation
from crosstune.tasks.object_detection import ObjectDetection
from crosstune.tasks.place_rows import BACKGROUND, EMPTY, PIXELS, PlaceRows, draw_boxes, draw_pixels
from crosstune.tasks.structured import WithPlaces
from tests.support.detection import box_items
from tests.support.segmentation import mask_items

NAMES = ("ground", "cat", "dog")


def mask() -> np.ndarray[Any, Any]:
    """Make a mask of mostly class 0, five pixels of class 1, two of class 2, and ignored ones."""
    found = np.zeros((20, 30), np.uint8)
    found[3, 4:9], found[10, 11:13], found[15:] = 1, 2, 255
    return found


def same(one: PlaceRows, other: PlaceRows) -> bool:
    parts = ("boxes", "encoded", "pictures")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in parts)


def test_classes_are_drawn_in_turn_and_ignored_pixels_never() -> None:
    found = draw_pixels([mask(), np.full((4, 5), 255, np.uint8), mask()], NAMES, rows=1000, seed=0)
    assert found.pictures.tolist() == [0] * PIXELS + [2] * PIXELS
    for picture in (0, 2):
        own = found.encoded[found.pictures == picture]
        assert np.bincount(own).tolist() == [PIXELS - 7, 5, 2]


def test_a_pixel_is_the_box_around_it() -> None:
    found = draw_pixels([mask()], NAMES, rows=1000, seed=3)
    left, top, right, bottom = (found.boxes * [30, 20, 30, 20]).round(6).T
    assert (right - left == 1).all()
    assert (bottom - top == 1).all()
    assert (mask()[top.astype(int), left.astype(int)] == found.encoded).all()
    assert len(np.unique(found.boxes, axis=0)) == PIXELS


def test_pictures_are_taken_until_there_are_enough_rows() -> None:
    seen: list[int] = []

    def masks() -> Any:
        for number in range(9):
            seen.append(number)
            yield mask()

    found = draw_pixels(masks(), NAMES, rows=2 * PIXELS + 1, seed=0)
    assert (len(found.encoded), found.pictures.max()) == (3 * PIXELS, 2)
    assert seen == [0, 1, 2, 3]  # the fourth is looked up, and not drawn from


def test_what_is_drawn_follows_from_seed_and_picture() -> None:
    ours = draw_pixels([mask()] * 4, NAMES, rows=1000, seed=0)
    assert same(ours, draw_pixels([mask()] * 4, NAMES, rows=1000, seed=0))
    assert not same(ours, draw_pixels([mask()] * 4, NAMES, rows=1000, seed=1))
    first, second = (ours.boxes[ours.pictures == one] for one in (0, 1))
    assert not np.array_equal(first, second)
    cut = draw_pixels([mask()] * 2, NAMES, rows=1000, seed=0)
    assert np.array_equal(cut.boxes, ours.boxes[ours.pictures < 2])


def scene(number: int) -> BoxRows:
    """Make a picture of 100 x 50 px with a cat, a dog, and an ignored cat."""
    draw = generator(0, "scene", number)
    first = draw.integers(0, 30, (3, 2)).astype(np.float64)
    boxes = np.concatenate([first, first + np.array([12.0, 9.0])], axis=1)
    return BoxRows((100.0, 50.0), boxes, np.array([1, 2, 1]), np.array([1.0, 1.0, 0.0]))


def test_every_object_that_counts_is_taken_and_background_meets_none() -> None:
    scenes = [scene(number) for number in range(40)]
    found = draw_boxes(scenes, NAMES, rows=1000, seed=0)
    assert found.classes == (*NAMES, BACKGROUND)
    assert np.bincount(found.encoded).tolist() == [0, 40, 40, 40 * EMPTY]
    for number, one in enumerate(scenes):
        own = found.pictures == number
        boxes, kinds = found.boxes[own] * [100, 50, 100, 50], found.encoded[own]
        np.testing.assert_allclose(boxes[:2], one.boxes[:2])
        assert kinds.tolist() == [1, 2, 3, 3]
        assert not overlaps(boxes[2:], one.boxes).any()
        np.testing.assert_allclose(boxes[2:, 2:] - boxes[2:, :2], [[12, 9]] * EMPTY)
        assert (boxes >= 0).all()
        assert (found.boxes <= 1 + 1e-12).all()


def test_full_pictures_have_no_background_and_a_class_of_that_name_is_it() -> None:
    full = BoxRows((10.0, 10.0), np.array([[0.0, 0, 10, 10]]), np.array([0]), np.ones(1))
    found = draw_boxes([full, full], NAMES, rows=1000, seed=0)
    assert found.encoded.tolist() == [0, 0]
    named = draw_boxes([scene(0)], ("x", BACKGROUND, "y"), rows=1000, seed=0)
    assert named.classes == ("x", BACKGROUND, "y")
    assert named.encoded.tolist() == [1, 2, 1, 1]


def test_pictures_without_objects_give_background_only() -> None:
    empty = BoxRows((60.0, 40.0), np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))
    found = draw_boxes([empty, scene(1)], NAMES, rows=1000, seed=0)
    assert found.encoded[found.pictures == 0].tolist() == [3] * EMPTY
    assert not len(draw_boxes([empty] * 3, NAMES, rows=1000, seed=0).encoded)  # no size to draw from
    assert draw_boxes([scene(0)] * 50, NAMES, rows=9, seed=0).pictures.max() == 2


@pytest.mark.parametrize("kind", [ImageSegmentation, ObjectDetection])
def test_both_tasks_give_places_of_what_they_encode(kind: Any) -> None:
    items = (mask_items if kind is ImageSegmentation else box_items)(8)
    task = kind.from_targets(items.targets())
    assert isinstance(task, WithPlaces)
    found = task.labelled_places(task.encode(items.targets()), rows=1000, seed=0)
    assert set(found.classes) == {*task.classes, BACKGROUND}
    assert found.words == ("pixels" if kind is ImageSegmentation else "boxes")
    assert found.encoded.max() < len(found.classes)
    assert found.boxes.shape == (len(found.pictures), 4)
    truths = task.truths(task.encode(items.targets()))
    for picture, names in enumerate(truths):
        drawn = {found.classes[one] for one in found.encoded[found.pictures == picture]}
        assert drawn - {BACKGROUND} <= set(names)
        if kind is ImageSegmentation:
            assert drawn == set(names)
