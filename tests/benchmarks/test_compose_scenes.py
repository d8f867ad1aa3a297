"""Scenes: boxes and masks are exact, the same every time, and what is hidden is left out."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from crosstune.data.check import check
from crosstune.data.read import read
from tests.support.benchmark_scripts import benchmark_script

scenes = benchmark_script("compose_scenes")
NAMES = ("disc", "square")


def sources() -> list[np.ndarray]:
    rows, columns = np.mgrid[:28, :28]
    disc = ((rows - 14) ** 2 + (columns - 14) ** 2 < 100) * np.uint8(200)
    square = np.zeros((28, 28), np.uint8)
    square[6:22, 4:24] = 120
    return [disc.astype(np.uint8), square]


def test_boxes_run_lengths_and_masks_agree_and_the_check_finds_nothing(tmp_path: Path) -> None:
    made = scenes.scenes(40, sources(), [0, 1], split="train", seed=3)
    content = scenes.written(tmp_path, "train", made, NAMES)
    assert len({one["image_id"] for one in content["annotations"]}) == 38
    assert scenes.exact(tmp_path, "train", content)
    report = check(read(tmp_path))
    assert report.bad == ()
    assert {finding.severity for finding in report.findings} == {"note"}
    content["annotations"][0]["bbox"][2] -= 1
    assert not scenes.exact(tmp_path, "train", content)


def test_scenes_come_again_and_do_not_depend_on_their_number(tmp_path: Path) -> None:
    first, again = (
        [scene.pixels for scene in scenes.scenes(count, sources(), [0, 1], split="test", seed=3)]
        for count in (3, 5)
    )
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=False))
    other = next(scenes.scenes(1, sources(), [0, 1], split="train", seed=3))
    assert not np.array_equal(first[0], other.pixels)


def test_half_of_every_object_is_seen(tmp_path: Path) -> None:
    for scene in scenes.scenes(60, sources(), [0, 1], split="train", seed=5):
        for number in range(1, len(scene.labels) + 1):
            left, top, width, height = scene.box(number)
            assert (scene.owners == number).sum() >= 0.25 * width * height
            assert 0 <= left < left + width <= 128
            assert 0 <= top < top + height <= 128


def test_run_lengths_are_column_by_column_from_outside() -> None:
    mask = np.array([[1, 0, 0], [1, 1, 0]], np.bool_)
    assert scenes.run_lengths(mask) == {"counts": [0, 2, 1, 1, 2], "size": [2, 3]}
    assert scenes.run_lengths(~mask) == {"counts": [2, 1, 1, 2], "size": [2, 3]}


def test_a_mask_file_has_a_palette_and_class_numbers(tmp_path: Path) -> None:
    scenes.written(tmp_path, "train", scenes.scenes(3, sources(), [0, 1], split="train"), NAMES)
    image = Image.open(tmp_path / "masks" / "train" / "00000.png")
    assert image.mode == "P"
    assert set(np.unique(np.asarray(image))) <= {0, 1, 2}
    assert json.loads((tmp_path / "annotations" / "instances_train.json").read_text())["categories"] == [
        {"id": 1, "name": "disc"},
        {"id": 2, "name": "square"},
    ]
