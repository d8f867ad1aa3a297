"""CSV files of boxes: which columns they are told by, and what stays a plain table."""

from pathlib import Path

import pytest

from crosstune.data.check import check
from crosstune.data.errors import WrongTask
from crosstune.data.infer import infer_task
from crosstune.data.labelled import LabelledData
from crosstune.data.places import DETECTION, Form
from crosstune.data.read import read
from tests.data.boxing import LABELS, draw


def written(root: Path, header: str, *rows: str) -> Path:
    draw(root, LABELS)
    (root / "boxes.csv").write_text("\n".join([header, *rows]))
    return root / "boxes.csv"


def objects(data: LabelledData) -> list[list[tuple[list[float], str]]]:
    return [[(one["box"], one["label"]) for one in row.objects] for row in data.items("all").targets()]


@pytest.mark.parametrize(
    ("header", "row", "form"),
    [
        ("image,label,x1,y1,x2,y2", "a.png,cat,4,6,20,26", Form("xyxy")),
        ("path,x,y,w,h,category", "a.png,4,6,16,20,cat", Form("xywh")),
        ("file_name,class,x,y,width,height", "a.png,cat,4,6,16,20", Form("xywh")),
        ("image,class,cx,cy,w,h", "a.png,cat,12,16,16,20", Form("cxcywh")),
        ("image,label,xmin,ymin,xmax,ymax", "a.png,cat,0.1,0.2,0.5,0.8", Form("xyxy", normalised=True)),
    ],
)
def test_the_names_of_columns_declare_the_form(header: str, row: str, form: Form, tmp_path: Path) -> None:
    data = read(written(tmp_path, header, row))
    assert data.places is not None
    assert data.places.form == form
    found = [(pytest.approx(box), label) for box, label in objects(data)[0]]
    expected = [4, 6, 20, 24] if form.normalised else [4, 6, 20, 26]
    assert found == [(expected, "cat")]
    assert infer_task(data) == (DETECTION, "the labels are boxes with classes")


def test_empty_cells_are_a_background_and_rows_of_one_picture_are_joined(
    tmp_path: Path,
) -> None:
    rows = ("a.png,cat,1,2,3,4,x", "b.png,,,,,,y", "a.png,dog,5,6,7,8,z")
    data = read(written(tmp_path, "image,label,xmin,ymin,xmax,ymax,camera", *rows))
    assert objects(data) == [[([1, 2, 3, 4], "cat"), ([5, 6, 7, 8], "dog")], []]
    assert data.splits["all"]["camera"] == ["x", "y"]
    assert data.items("all").targets()[0].objects[1]["place"] == "boxes.csv:4"


def test_a_box_that_cannot_be_read_sets_its_picture_aside(tmp_path: Path) -> None:
    rows = ("a.png,cat,1,2,3,four", "b.png,,1,2,3,4", "c.png,owl,1,2,3,4")
    report = check(read(written(tmp_path, "image,label,xmin,ymin,xmax,ymax", *rows)), max_bad=1)
    assert [(item.origin, item.code) for item in report.bad] == [
        ("a.png", "unreadable-box"),
        ("b.png", "unreadable-box"),
    ]
    assert [item.reason for item in report.bad] == [
        "boxes.csv:2: (1, 2, 3, four) are not four finite numbers",
        "boxes.csv:3: a box without a class",
    ]


def test_a_named_target_or_another_task_leaves_the_table_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, "image,label,xmin,ymin,xmax,ymax", "a.png,cat,1,2,3,4", "b.png,dog,1,2,3,4")
    for data in (read(path, target="label"), read(path, task="image-classification")):
        assert data.places is None
        assert data.items("all").targets() == ["cat", "dog"]
    asked = read(path, target="label", task=DETECTION)
    assert objects(asked) == [[([1, 2, 3, 4], "cat")], [([1, 2, 3, 4], "dog")]]


def test_a_table_without_boxes_is_refused_for_detection_only(tmp_path: Path) -> None:
    path = written(tmp_path, "image,label", "a.png,cat")
    assert read(path).places is None
    with pytest.raises(WrongTask, match="has no boxes"):
        read(path, task=DETECTION)
