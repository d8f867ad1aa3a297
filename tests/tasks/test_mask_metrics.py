"""IoU and accuracy against pixels counted one by one, whole and resampled."""

import numpy as np
import pytest

from crosstune.evaluation.scores import score
from crosstune.tasks.image_segmentation import ImageSegmentation
from crosstune.tasks.mask_boundaries import boundary_f1
from crosstune.tasks.mask_files import NOTHING, as_array, as_file, at_side, from_file
from crosstune.tasks.mask_metrics import Counter, counted

TASK = ImageSegmentation(("background", "cat", "dog", "owl"))


def masks(count: int, seed: int) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        shape = tuple(int(side) for side in draw.integers(3, 9, 2))
        found.append(draw.integers(0, 3, shape).astype(np.uint8))  # no owl
    return found


def pairs(count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    truth = masks(count, 0)
    draw = np.random.default_rng(1)
    answers = [np.where(draw.random(one.shape) < 0.7, one, 1).astype(np.uint8) for one in truth]
    for one in truth:
        one[draw.random(one.shape) < 0.1] = NOTHING
    answers[0][0, 0] = 3  # an owl where there is none
    truth[0][0, 0] = 0
    return answers, truth


def brute(answers: list[np.ndarray], truth: list[np.ndarray]) -> dict[str, float]:
    both, either = dict.fromkeys(range(4), 0), dict.fromkeys(range(4), 0)
    right = total = 0
    for ours, theirs in zip(answers, truth, strict=True):
        for row in range(ours.shape[0]):
            for column in range(ours.shape[1]):
                mine, real = int(ours[row, column]), int(theirs[row, column])
                if real == NOTHING:
                    continue
                total, right = total + 1, right + (mine == real)
                for one in {mine, real}:
                    either[one] += 1
                both[real] += mine == real
    own = {one: both[one] / either[one] for one in either if either[one]}
    found = {"mean-iou": sum(own.values()) / len(own), "pixel-accuracy": right / total}
    found["boundary-f1"] = float(
        np.nanmean([boundary_f1(*pair) for pair in zip(answers, truth, strict=True)])
    )
    return found | {f"iou/{name}": own.get(place, 0.0) for place, name in enumerate(TASK.classes)}


def test_every_figure_is_that_of_pixels_counted_one_by_one() -> None:
    answers, truth = pairs(12)
    ours, theirs = (as_array([as_file(one) for one in some]) for some in (answers, truth))
    found = score(TASK, ours, theirs, resamples=50)
    assert {name: one.value for name, one in found.items()} == pytest.approx(brute(answers, truth))
    assert found["mean-iou"].low < found["mean-iou"].value < found["mean-iou"].high
    rows = np.random.default_rng(3).integers(0, 12, 12)
    again = brute([answers[row] for row in rows], [truth[row] for row in rows])
    for name, spec in TASK.metrics.items():
        prepared = spec.prepare(ours, theirs)
        assert spec.reduce(*(one[rows] for one in prepared)) == pytest.approx(again[name]), name


def test_a_class_that_is_nowhere_does_not_count_in_the_mean() -> None:
    truth = [np.array([[0, 1], [1, 1]], np.uint8)]
    ours = as_array([as_file(truth[0])])
    assert score(TASK, ours, ours, resamples=20)["mean-iou"].value == 1.0


def test_pairs_are_counted_once_and_the_sizes_must_agree() -> None:
    answers, truth = pairs(4)
    ours, theirs = (as_array([as_file(one) for one in some]) for some in (answers, truth))
    counter = Counter(4)
    first = counter(ours, theirs)
    assert np.array_equal(counter(ours[::-1], theirs[::-1]), first[::-1])
    assert len(counter._known) == 4
    assert counter(ours[:0], theirs[:0]).shape == (0, 3, 4)
    with pytest.raises(ValueError, match="cannot be compared"):
        counted(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 4)


def test_masks_as_files_stay_what_they_are() -> None:
    for one in masks(20, 5):
        array = as_array([as_file(one), as_file(np.zeros((40, 40), np.uint8))])
        assert np.array_equal(from_file(array.tolist()[0]), one)
        assert np.array_equal(from_file(array[:1].tolist()[0]), one)


def test_masks_are_resized_to_the_nearest_pixel() -> None:
    one = masks(1, 9)[0]
    found = at_side(one, 16)
    for row in range(16):
        for column in range(16):
            near = (int((row + 0.5) * one.shape[0] / 16), int((column + 0.5) * one.shape[1] / 16))
            assert found[row, column] == one[near]
