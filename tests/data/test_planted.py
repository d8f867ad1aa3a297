"""Planted defects in otherwise good sets: each is found and named, and nothing else is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crosstune.data.check import check
from crosstune.data.gate.report import CheckReport
from crosstune.data.read import read
from tests.data.planted import Planted, pictures, plant_pictures, plant_texts, texts
from tests.data.planted_sounds import plant_sounds, plant_speech, sounds, speech

SETS = pytest.mark.parametrize("plant", [plant_pictures, plant_texts, plant_sounds, plant_speech])


def checked(folder: Path) -> CheckReport:
    table = folder / "train.csv"
    target = "label" if table.exists() and "label" in table.read_text("latin-1")[:100] else None
    return check(read(folder, target=target), max_bad=0.3)


@pytest.mark.parametrize("make", [pictures, texts, sounds, speech])
def test_nothing_is_invented_on_the_clean_set(make: Callable[[Path], Path], tmp_path: Path) -> None:
    report = checked(make(tmp_path))
    assert report.bad == ()
    counts = [] if make is speech else [("class-counts", "note")]
    assert [(finding.code, finding.severity) for finding in report.findings] == counts


@SETS
def test_every_planted_item_is_found_and_nothing_else(
    plant: Callable[[Path], Planted], tmp_path: Path
) -> None:
    planted = plant(tmp_path)
    assert len(planted) >= (13 if plant is plant_speech else 20)
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
    twins = {pair.split(" = ")[1] for code in codes for pair in planted.items.get(code, ())}
    inside = set(clean.alike["train"].tolist())
    numbered = zip(clean.items("test").origins(), clean.alike["test"].tolist(), strict=True)
    assert {name for name, number in numbered if number in inside} == twins
