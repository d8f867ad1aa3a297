"""Planted label faults: each is found by the check and named by its file, and nothing else is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crosstune.data.check import check
from crosstune.data.read import read
from tests.data.planted import Planted
from tests.data.planted_boxes import coco_set, plant_coco, plant_yolo, yolo_set

COUNTS = {"object-counts", "class-counts"}


@pytest.mark.parametrize("make", [coco_set, yolo_set])
def test_nothing_is_invented_on_the_clean_set(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path)
    report = check(read(tmp_path))
    assert report.bad == ()
    assert {finding.code for finding in report.findings} == COUNTS


@pytest.mark.parametrize(("plant", "kinds"), [(plant_coco, 13), (plant_yolo, 7)])
def test_every_planted_fault_is_found_and_nothing_else(
    plant: Callable[[Path], Planted], kinds: int, tmp_path: Path
) -> None:
    planted = plant(tmp_path)
    assert len({*planted.bad.values(), *planted.items}) == kinds
    report = check(read(tmp_path), task="object-detection", max_bad=0.3)
    assert {item.origin: item.code for item in report.bad} == planted.bad
    found = {finding.code: set(finding.items) for finding in report.findings if finding.items}
    assert {code: found[code] for code in planted.items} == planted.items
    own = {finding.code for finding in report.findings} - COUNTS
    assert own == {*planted.items, *planted.bad.values()}
    report.require()


def test_what_is_left_has_each_object_once_and_inside(tmp_path: Path) -> None:
    planted = plant_coco(tmp_path)
    clean = check(read(tmp_path), max_bad=0.3).clean()
    items = clean.items("train")
    assert not set(items.origins()) & set(planted.bad)
    (twins,) = planted.items["duplicate-boxes"]
    first, second = twins.split(" = ")
    places = {one["place"] for target in items.targets() for one in target.objects}
    assert first in places
    assert second not in places
    sides = [side for target in items.targets() for one in target.objects for side in one["box"]]
    assert 0 <= min(sides) <= max(sides) <= 48
