"""Every layout of boxes gives one form: picture, boxes in pixels, class, where it is written."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.core.errors import UserError
from crosstune.data.boxes.form import BadObject
from crosstune.data.boxes.rows import Row
from crosstune.data.check import check
from crosstune.data.errors import UnknownLayout, UnreadableFile
from crosstune.data.infer import infer_task
from crosstune.data.labelled import LabelledData
from crosstune.data.places import BOXES, DETECTION
from crosstune.data.read import read
from crosstune.data.readers.plain_xml import BadXml, parse
from crosstune.data.readers.yolo import add_line
from tests.data.boxing import LABELS, coco, coco_content, draw, table, voc, voc_text, yolo
from tests.data.making import write

LAYOUTS: list[Callable[[Path], Path]] = [coco, yolo, voc, table]


def rows(data: LabelledData, split: str) -> dict[str, list[tuple[Any, str]]]:
    items = data.items(split)
    found = zip(items.origins(), items.targets(), strict=True)
    return {
        Path(origin).name: [(pytest.approx(one["box"]), one["label"]) for one in target.objects]
        for origin, target in found
    }


def expected() -> dict[str, list[tuple[list[float], str]]]:
    return {name: [(list(box), label) for box, label in objects] for name, objects in LABELS.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_layouts_say_the_same(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    data = read(layout(tmp_path))
    (split,) = data.splits
    assert rows(data, split) == expected()
    assert data.places is not None
    assert (data.places.kind, infer_task(data)[0]) == (BOXES, DETECTION)
    assert data.items(split).batch([0])[0].size == (40, 30)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_clean_set_has_nothing_but_counts(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    report = check(read(layout(tmp_path)))
    assert report.bad == ()
    assert {finding.code for finding in report.findings} == {"object-counts", "class-counts"}
    (note,) = [finding.sentence for finding in report.findings if finding.code == "object-counts"]
    assert note == "4 objects in 2 pictures; 1 pictures without any, which stay as backgrounds"
    assert list(report.class_counts.values()) == [{"cat": 2, "dog": 1, "owl": 1}]
    (split,) = report.clean().splits
    assert rows(report.clean(), split) == expected()


@pytest.mark.parametrize("layout", [coco, yolo, table])
def test_splits_are_found(layout: Callable[..., Path], tmp_path: Path) -> None:
    layout(tmp_path, split="train")
    layout(tmp_path, {f"v{name}": objects for name, objects in LABELS.items()}, split="val", start=9)
    data = read(tmp_path)
    assert list(data.splits) == ["train", "validation"]
    assert list(rows(data, "validation")) == ["va.png", "vb.png", "vc.png"]


def test_a_coco_file_may_stand_for_itself_and_lie_beside_its_pictures(tmp_path: Path) -> None:
    coco(tmp_path)
    (tmp_path / "annotations" / "captions.json").write_text(json.dumps(coco_content({})))
    assert rows(read(tmp_path / "annotations" / "instances.json"), "all") == expected()
    flat = tmp_path / "flat" / "train"
    draw(flat, LABELS)
    (flat / "_annotations.coco.json").write_text(json.dumps(coco_content(LABELS)))
    assert rows(read(tmp_path / "flat"), "train") == expected()


def test_crowds_and_difficult_objects_are_kept_apart(tmp_path: Path) -> None:
    content = coco_content(LABELS)
    content["annotations"][0]["iscrowd"] = 1
    coco(tmp_path)
    (tmp_path / "annotations" / "instances.json").write_text(json.dumps(content))
    report = check(read(tmp_path))
    assert [one["ignore"] for one in report.clean().items("all").targets()[0].objects] == [True, False]
    assert report.class_counts["all"]["cat"] == 1
    assert any("1 more are marked as crowds" in finding.sentence for finding in report.findings)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"images": None}, "no list `images`"),
        ({"annotations": None}, "no list `annotations`"),
        ({"images": [{"id": 1}]}, "`images\\[0\\]`"),
        ({"categories": [{"id": "x", "name": "a"}]}, "category id `x`"),
        ({"images": [{"id": 1, "file_name": "a"}] * 2}, "more than one picture with the id 1"),
    ],
)
def test_a_broken_coco_file_is_named(change: dict[str, Any], found: str, tmp_path: Path) -> None:
    coco(tmp_path)
    path = tmp_path / "annotations" / "instances.json"
    path.write_text(json.dumps({**coco_content(LABELS), **change}))
    with pytest.raises(UnreadableFile, match=found):
        read(path)


def test_without_labels_every_picture_of_a_folder_is_read(tmp_path: Path) -> None:
    draw(tmp_path, LABELS)
    write(tmp_path / "b.xml", voc_text("b.png", []))
    assert read(tmp_path).items("all").origins() == ["b.png"]
    data = read(tmp_path, need_target=False)
    assert data.items("all").origins() == ["a.png", "b.png", "c.png"]
    assert data.target is None


def test_two_coco_files_that_name_no_split_are_an_error(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        write(tmp_path / name, json.dumps(coco_content(LABELS)).encode())
    with pytest.raises(UnknownLayout, match="which COCO file"):
        read(tmp_path)


def test_a_json_list_of_rows_is_no_coco_file(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([{"text": "a", "label": 1}, {"text": "b", "label": 2}]))
    assert read(tmp_path / "rows.json").places is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("train: images/train\nnames: [a, b]\nnc: 3", "nc: 3, and 2 names"),
        ("train: images/train\nnames: [a, a]", "more than one class called a"),
        ("train: images/nowhere\nnames: [a]", "no `.*images/nowhere`"),
        ("train: images/train\nnames: {x: a}", "names: "),
        ("train: [images\nnames", "expected"),
    ],
)
def test_a_broken_data_yaml_is_named(text: str, found: str, tmp_path: Path) -> None:
    yolo(tmp_path)
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(UnreadableFile, match=found):
        read(tmp_path)


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("train: !!python/object/apply:os.getcwd []\nnames: [a]")
    with pytest.raises(UnreadableFile, match="python/object"):
        read(tmp_path)


def test_yolo_takes_lists_named_numbers_polygons_and_other_places(tmp_path: Path) -> None:
    yolo(tmp_path)
    (tmp_path / "list.txt").write_text("images/train/a.png\n")
    write(tmp_path / "labels" / "train" / "a.txt", b"2 0.1 0.2 0.5 0.2 0.5 0.6\n")
    (tmp_path / "data.yaml").write_text("path: elsewhere\ntrain: ../list.txt\nnames: {0: x, 2: z}")
    data = read(tmp_path / "data.yaml")
    assert rows(data, "train") == {"a.png": [([4, 6, 20, 18], "z")]}
    assert data.declared == ("x", "z")


def test_pascal_voc_reads_lists_of_splits_and_pictures_beside_the_files(tmp_path: Path) -> None:
    voc(tmp_path)
    write(tmp_path / "ImageSets" / "Main" / "train.txt", b"a\nc\n")
    write(tmp_path / "ImageSets" / "Main" / "cat_train.txt", b"a 1\nc -1\n")
    assert list(rows(read(tmp_path), "train")) == ["a.png", "c.png"]
    flat = tmp_path / "flat" / "test"
    draw(flat, LABELS)
    for name, objects in LABELS.items():
        write(flat / f"{name[0]}.xml", voc_text(f"C:\\photos\\{name}", objects).encode())
    assert rows(read(tmp_path / "flat"), "test") == expected()


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=9))
def test_any_line_of_a_yolo_file_is_an_object_or_named(cells: list[str]) -> None:
    row = Row("a.png", "a.png")
    try:
        add_line(row, cells, "a.txt:1", {0: "cat"}, (40, 30))
    except BadObject:
        assert row.objects == []
        return
    assert row.objects[0]["label"] == "cat"


PLAIN = st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats()
WORDS = st.sampled_from(["a", "\ud800", "1", "\0"])
VALUES = st.recursive(
    PLAIN | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.just("counts"), inner, max_size=1),
    max_leaves=5,
)
KEYS = (
    *("id", "file_name", "width", "height", "name"),
    *("image_id", "category_id", "bbox", "iscrowd", "segmentation"),
)
ROWS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES) | VALUES, max_size=2)
LISTS = dict.fromkeys(("images", "annotations", "categories"), ROWS)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=LISTS), st.booleans())
def test_any_json_for_coco_gives_data_or_a_user_error(change: dict[str, Any], masks: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "labels.json"
        path.write_text(json.dumps({**coco_content({"a.png": LABELS["a.png"]}), **change}))
        try:
            data = read(path, task="image-segmentation" if masks else None)
        except UserError:
            return
        assert data.splits["all"].column_names


BOMB = b'<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><annotation>&z;</annotation>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'


@pytest.mark.parametrize("content", [BOMB, OUTSIDE, b"<a><b></a>", b"", b"<a>&nothing;</a>"])
def test_xml_with_entities_or_broken_is_refused_and_named(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadXml):
        parse(content)
    voc(tmp_path)
    write(tmp_path / "Annotations" / "b.xml", content)
    report = check(read(tmp_path), max_bad=1)
    assert [(item.origin, item.code) for item in report.bad] == [("Annotations/b.xml", "broken-row")]
