"""Planted faults of masks: each is found by the check and named by its file, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crosstune.data.check import check
from crosstune.data.infer import infer_task
from crosstune.data.places import SEGMENTATION
from crosstune.data.read import read
from tests.data.making import encoded, write
from tests.data.planted_masks import SIDE, mask_set, plant_masks, values

COUNTS = {"pixel-counts", "class-counts"}


def test_nothing_is_invented_on_the_clean_set(tmp_path: Path) -> None:
    data = read(mask_set(tmp_path))
    assert infer_task(data) == (SEGMENTATION, "the labels are a class for each pixel")
    assert data.declared == ("background", "cat", "dog")
    report = check(data)
    assert report.bad == ()
    assert {finding.code for finding in report.findings} == COUNTS
    assert report.class_counts["train"] == {"background": 40, "cat": 40, "dog": 40}
    (note,) = [finding.sentence for finding in report.findings if finding.code == "pixel-counts"]
    assert note == "55 masks: background 82.26%, cat 9.68%, dog 8.06%; 3.1% of all pixels are ignored"


def test_every_planted_fault_is_found_and_nothing_else(tmp_path: Path) -> None:
    planted = plant_masks(tmp_path)
    report = check(read(tmp_path), max_bad=0.3)
    assert {item.origin: item.code for item in report.bad} == planted.bad
    found = {finding.code: set(finding.items) for finding in report.findings if finding.items}
    assert {code: found[code] for code in planted.items} == planted.items
    own = {finding.code for finding in report.findings} - COUNTS
    assert own == {*planted.items, *planted.bad.values()}
    report.require()


def test_splits_may_stand_above_or_not_at_all(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for number in range(3):
            seed = number + 10 * (split == "test")
            write(
                tmp_path / "a" / split / "imgs" / f"{number}.jpg",
                encoded(Image.new("RGB", (SIDE, SIDE)), "JPEG"),
            )
            write(tmp_path / "a" / split / "labels" / f"{number}.png", encoded(Image.fromarray(values(seed))))
    assert {split: len(one) for split, one in read(tmp_path / "a").splits.items()} == {"train": 3, "test": 3}
    assert list(read(tmp_path / "a" / "train").splits) == ["all"]


def test_masks_of_0_and_255_without_classes_are_not_guessed(tmp_path: Path) -> None:
    for number in range(4):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[number : number + 9] = 255
        write(tmp_path / "images" / f"{number}.png", encoded(Image.new("RGB", (SIDE, SIDE), (number, 0, 0))))
        write(tmp_path / "masks" / f"{number}.png", encoded(Image.fromarray(mask)))
    report = check(read(tmp_path))
    assert "unclear-255" in {finding.code for finding in report.errors}
    write(tmp_path / "masks" / "classes.txt", "0 background\n255 crack\n")
    report = check(read(tmp_path))
    assert report.errors == ()
    assert report.class_counts["all"] == {"background": 4, "crack": 4}


def test_masks_in_colours_need_the_colours_of_classes(tmp_path: Path) -> None:
    table = np.array([[128, 0, 0], [0, 64, 128], [0, 0, 0]], np.uint8)
    for number in range(3):
        rows = np.minimum(values(number), 2)
        write(tmp_path / "images" / f"{number}.png", encoded(Image.new("RGB", (SIDE, SIDE), (number, 9, 0))))
        write(tmp_path / "masks" / f"{number}.png", encoded(Image.fromarray(table[rows])))
    assert {item.code for item in check(read(tmp_path)).bad} == {"unreadable-mask"}
    write(tmp_path / "label_colors.txt", "128 0 0 road\n0 64 128 car\n0 0 0 ignore\n")
    report = check(read(tmp_path))
    assert report.bad == ()
    assert report.class_counts["all"] == {"car": 3, "road": 3}
    write(tmp_path / "label_colors.txt", "128 0 0 road\n0 64 129 car\n0 0 0 ignore\n")
    assert {item.code for item in check(read(tmp_path)).bad} == {"mask-value-without-class"}


def test_rare_pixels_are_a_warning(tmp_path: Path) -> None:
    for number in range(3):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[number, :5] = 1
        write(tmp_path / "images" / f"{number}.png", encoded(Image.new("RGB", (SIDE, SIDE), (number, 9, 0))))
        write(tmp_path / "masks" / f"{number}.png", encoded(Image.fromarray(mask)))
    (finding,) = [one for one in check(read(tmp_path)).findings if one.code == "unbalanced-pixels"]
    assert finding.severity == "warning"
    assert finding.items == ("1",)


@pytest.mark.parametrize("task", ["object-detection", "image-classification"])
def test_another_task_is_refused(task: str, tmp_path: Path) -> None:
    from crosstune.data.errors import WrongTask

    with pytest.raises(WrongTask, match=task):
        infer_task(read(mask_set(tmp_path)), task)
