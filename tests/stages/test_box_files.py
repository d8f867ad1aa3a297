"""What stands beside the rows of a model that finds boxes: read again, it is what was found."""

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from crosstune.core.errors import DoesNotApply, UnknownName
from crosstune.stages.box_files import FORMS
from crosstune.stages.picture_answers import compared, require_forms, write_beside
from crosstune.tasks.box_rows import as_array
from tests.support.boxes import Boxes, rows

TASK = Boxes(("cat", "dog"))
FOUND = [
    rows([[30, 20, 90, 60], [10, 10, 40.5, 20], [0, 0, 5, 5]], [1, 0, 0], [0.9, 0.5, 0.1]),
    rows([], [], []),
    rows([[0, 0, 300, 200]], [0], [0.31]),
]


class Items:
    """As much of the pictures of a split as files ask for."""

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Give grey pictures."""
        return [Image.new("RGB", (300, 200), (90, 90, 90)) for _ in indices]


def written(out: Path, *also: str, names: Sequence[str] = ("a/one.jpg", "a/two.jpg", "b/three.png")) -> None:
    table = [{"labels": []} for _ in FOUND]
    same = write_beside(
        TASK, Items(), as_array(FOUND), table, out=out, also=also, origins=names, numbers=(0, 2, 5)  # type: ignore[arg-type]
    )  # fmt: skip
    assert same == table


def test_a_coco_file_is_whole_and_has_all_boxes(tmp_path: Path) -> None:
    written(tmp_path / "rows.csv", "coco")
    path = tmp_path / "rows-coco.json"
    with contextlib.redirect_stdout(io.StringIO()):
        read = COCO(str(path))
        again = read.loadRes(json.loads(path.read_text())["annotations"])
    assert [(one["id"], one["file_name"], one["width"], one["height"]) for one in read.dataset["images"]] == [
        (0, "a/one.jpg", 300, 200), (2, "a/two.jpg", 300, 200), (5, "b/three.png", 300, 200),
    ]  # fmt: skip
    assert {one["id"]: one["name"] for one in read.dataset["categories"]} == {1: "cat", 2: "dog"}
    first = [again.anns[key] for key in again.getAnnIds(imgIds=[0])]
    assert [(one["category_id"], one["bbox"], one["score"]) for one in first] == [
        (2, [30, 20, 60, 40], 0.9), (1, [10, 10, 30.5, 10], 0.5), (1, [0, 0, 5, 5], 0.1),
    ]  # fmt: skip
    assert [one["area"] for one in first] == [2400, 305, 25]


def test_yolo_files_have_shares_of_the_boxes_of_the_rows(tmp_path: Path) -> None:
    written(tmp_path / "rows.jsonl", "yolo")
    folder = tmp_path / "rows-labels"
    assert sorted(path.name for path in folder.iterdir()) == [
        "classes.txt", "one.txt", "three.txt", "two.txt"
    ]  # fmt: skip
    assert (folder / "classes.txt").read_text() == "cat\ndog\n"
    assert (folder / "two.txt").read_text() == ""
    lines = [[float(word) for word in line.split()] for line in (folder / "one.txt").read_text().splitlines()]
    assert lines[0] == pytest.approx([1, 60 / 300, 40 / 200, 60 / 300, 40 / 200, 0.9], abs=1e-6)
    assert lines[1] == pytest.approx([0, 25.25 / 300, 15 / 200, 30.5 / 300, 10 / 200, 0.5], abs=1e-6)
    assert len(lines) == 2  # 0.1 is not sure enough to be shown


def test_pictures_of_one_name_do_not_write_over_each_other(tmp_path: Path) -> None:
    written(tmp_path / "rows.csv", "yolo", names=("a/one.jpg", "b/One.jpg", "c/classes.jpg"))
    assert sorted(path.name for path in (tmp_path / "rows-labels").iterdir()) == [
        "000000-one.txt", "000002-One.txt", "000005-classes.txt", "classes.txt"
    ]  # fmt: skip


def test_boxes_are_drawn_where_they_are(tmp_path: Path) -> None:
    written(tmp_path / "rows.csv", "pictures")
    with Image.open(tmp_path / "rows-pictures" / "one.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape == (200, 300, 3)
    changed = (pixels != 90).any(axis=2)
    assert changed[40, 30]
    assert changed[60, 60]
    assert not changed[40, 60]
    assert not changed[0:5, 0:3].any()  # 0.1 is not shown
    with Image.open(tmp_path / "rows-pictures" / "two.png") as image:
        assert (np.asarray(image) == 90).all()


def test_forms_are_refused_where_nothing_can_be_written(tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    require_forms(TASK, tuple(FORMS), out)
    require_forms(object(), (), None)
    with pytest.raises(UnknownName, match="did you mean `coco`"):
        require_forms(TASK, ("cocoa",), out)
    with pytest.raises(DoesNotApply, match="without `--out`"):
        require_forms(TASK, ("coco",), None)
    with pytest.raises(DoesNotApply, match="only boxes"):
        require_forms(object(), ("coco",), out)


def test_the_report_shows_truth_beside_what_was_found() -> None:
    truth = [rows([[30, 20, 90, 60], [100, 20, 120, 60]], [1, 0], [1, 0])]
    picture = Items().batch([0])
    (address,) = compared(TASK, picture, as_array(truth), as_array(FOUND[:1]))
    assert address is not None
    assert address.startswith("data:image/jpeg;base64,")
    assert compared(object(), picture, as_array(truth), as_array(truth)) == [None]
