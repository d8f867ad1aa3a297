"""Planted defects in otherwise good sets: each is found and named, and nothing else is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crosstune.data.check import check
from crosstune.data.gate.report import CheckReport
from crosstune.data.read import read
from tests.data.planted import Planted, pictures, plant_pictures, plant_texts, texts

SETS = pytest.mark.parametrize("plant", [plant_pictures, plant_texts])


def checked(folder: Path) -> CheckReport:
    data = read(folder, target="label") if (folder / "train.csv").exists() else read(folder)
    return check(data, max_bad=0.2)


@pytest.mark.parametrize("make", [pictures, texts])
def test_nothing_is_invented_on_the_clean_set(make: Callable[[Path], Path], tmp_path: Path) -> None:
    report = checked(make(tmp_path))
    assert report.bad == ()
    assert [(finding.code, finding.severity) for finding in report.findings] == [("class-counts", "note")]


@SETS
def test_every_planted_item_is_found_and_nothing_else(
    plant: Callable[[Path], Planted], tmp_path: Path
) -> None:
    planted = plant(tmp_path)
    assert len(planted) >= 20
    report = checked(tmp_path)
    assert {item.origin: item.code for item in report.bad} == planted.bad
    found = {finding.code: set(finding.items) for finding in report.findings if finding.items}
    own = {finding.code for finding in report.findings} - {"class-counts"}
    assert {code: found[code] for code in planted.items} == planted.items
    assert own == {*planted.items, *planted.bad.values()}
    report.require()


@SETS
def test_what_is_left_is_the_good_rows(plant: Callable[[Path], Planted], tmp_path: Path) -> None:
    planted = plant(tmp_path)
    report = checked(tmp_path)
    clean = report.clean()
    origins = [name for split in clean.splits for name in clean.items(split).origins()]
    assert len(origins) == report.data.rows() - len(planted.bad)
    assert not set(origins) & set(planted.bad)
    codes = ("duplicates-across-splits", "near-duplicates-across-splits")
    twins = {pair.split(" = ")[1] for code in codes for pair in planted.items[code]}
    inside = set(clean.alike["train"].tolist())
    numbered = zip(clean.items("test").origins(), clean.alike["test"].tolist(), strict=True)
    assert {name for name, number in numbered if number in inside} == twins
