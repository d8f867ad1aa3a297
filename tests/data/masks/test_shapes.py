"""Shapes: polygons by their pixels, run lengths there and back, and COCO files read for segmentation."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crosstune.data.boxes.form import BadObject
from crosstune.data.check import check
from crosstune.data.masks.shapes import decoded_runs, laid_over, shape_mask
from crosstune.data.read import read
from tests.data.boxing import LABELS, coco, coco_content


def test_a_polygon_covers_its_pixels() -> None:
    mask = shape_mask([[2, 1, 6, 1, 6, 4, 2, 4]], (8, 6), "a")
    assert mask[1:4, 2:6].all()
    assert mask.sum() <= 4 * 5  # Pillow draws the rim as well


def test_run_lengths_are_column_by_column() -> None:
    mask = shape_mask({"counts": [1, 2, 3], "size": [2, 3]}, (3, 2), "a")
    assert mask.tolist() == [[False, True, False], [True, False, False]]


def test_the_text_of_run_lengths_is_that_of_cocoapi() -> None:
    # Written by hand after `rleToString`: five bits a letter, differences from the fourth number on.
    assert decoded_runs("123") == [1, 2, 3]
    assert decoded_runs("1230") == [1, 2, 3, 2]
    assert decoded_runs("P1") == [32]
    assert decoded_runs("\x00") == [-1]


@pytest.mark.parametrize(
    "shape",
    [None, [], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7]], [[1, 2, 3, 4, "x", 6]], [7],
     {"counts": [1], "size": [2, 3]},
     {"counts": [6], "size": [3, 2]}, {"counts": [-1, 7], "size": [2, 3]}, {"counts": "zz~", "size": [2, 3]},
     {"counts": None, "size": [2, 3]}],
)  # fmt: skip
def test_what_is_no_shape_is_named(shape: object) -> None:
    with pytest.raises(BadObject, match="here"):
        shape_mask(shape, (3, 2), "here")


@given(st.one_of(st.text(max_size=12), st.lists(st.integers(-2, 9), max_size=6)))
def test_run_lengths_fit_or_are_named(counts: object) -> None:
    try:
        mask = shape_mask({"counts": counts, "size": [2, 3]}, (3, 2), "here")
    except BadObject:
        return
    assert mask.shape == (2, 3)


def test_small_shapes_lie_above_large_ones() -> None:
    large, small = np.ones((4, 4), np.bool_), np.eye(4, dtype=np.bool_)
    cell = {"bytes": laid_over([(small, 2), (large, 1)], (4, 4)), "path": None}
    mask = np.asarray(Image.open(io.BytesIO(cell["bytes"])))
    assert mask.tolist() == (np.ones((4, 4)) + np.eye(4)).tolist()


def test_a_coco_file_is_read_for_segmentation_where_that_is_asked_for(tmp_path: Path) -> None:
    content: dict[str, Any] = coco_content(LABELS)
    for one in content["annotations"]:
        left, top, width, height = one["bbox"]
        one["segmentation"] = [[left, top, left + width, top, left + width, top + height, left, top + height]]
    content["annotations"][1]["iscrowd"] = 1
    content["annotations"][3]["segmentation"] = [[1, 2]]
    coco(tmp_path)
    (tmp_path / "annotations" / "instances.json").write_text(json.dumps(content))
    data = read(tmp_path, task="image-segmentation")
    assert data.declared == ("background", "cat", "dog", "owl")
    report = check(data, max_bad=0.5)
    assert [(item.origin, item.code) for item in report.bad] == [("images/c.png", "unreadable-mask")]
    assert report.class_counts["all"] == {"background": 2, "cat": 1, "dog": 0, "owl": 0}
    assert read(tmp_path).target == "objects"
