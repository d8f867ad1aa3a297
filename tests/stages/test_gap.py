"""The whole measure of a gap on tiny models: planted shifts are found and named, equal sets are not."""

from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from crosstune import pipeline
from crosstune.core.errors import BadValue
from crosstune.core.gap import GapLevel
from crosstune.core.progress import Silent
from crosstune.stages.gap import GapQuestion, measure_gap
from tests.support.sets import write_pictures, write_texts
from tests.support.tiny import tiny_bert_dir, tiny_vit_dir


def blurred(source: Path, target: Path) -> Path:
    for path in source.rglob("*.png"):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).filter(ImageFilter.GaussianBlur(1.5)).save(place)
    return target


def test_blur_is_found_named_and_shown(tmp_path: Path) -> None:
    sharp = write_pictures(tmp_path / "a" / "sharp", 16)
    blur = blurred(write_pictures(tmp_path / "a" / "plain", 16, seed=1), tmp_path / "a" / "blur")
    model = str(tiny_vit_dir(tmp_path / "vit"))
    gap = pipeline.gap(sharp, blur, model=model, out=tmp_path / "out")
    assert gap.level is not GapLevel.NONE
    assert gap.differing[0].name == "sharpness"
    assert gap.differing[0].more.value < 0.05
    assert (gap.first.name, gap.second.name) == ("sharp", "blur")
    assert gap.otdd is not None
    assert gap.frechet is not None
    assert {one.second for one in gap.witnesses} == {False, True}
    assert all(one.picture for one in gap.witnesses)
    assert "Sharpness differs most" in (tmp_path / "out" / "gap.html").read_text(encoding="utf-8")
    with pytest.raises(BadValue, match="is not empty"):
        pipeline.gap(sharp, blur, model=model, out=tmp_path / "out")


def test_texts_of_one_source_are_not_told_apart_and_copies_are_counted(tmp_path: Path) -> None:
    one = write_texts(tmp_path / "one.csv", 90)
    other = write_texts(tmp_path / "other.csv", 90, seed=1)
    asked = GapQuestion(model=str(tiny_bert_dir(tmp_path / "bert")), rows=80)
    gap = measure_gap(one, other, asked, Silent())
    assert gap.level is GapLevel.NONE
    assert gap.witnesses == ()
    assert gap.differing == ()
    assert "80 rows of one.csv were looked at, drawn from 90" in gap.notes
    itself = measure_gap(one, one, asked, Silent())
    assert itself.level is GapLevel.NONE
    assert (itself.first.name, itself.second.name) == ("one.csv (first)", "one.csv (second)")
    assert any("have exactly the content" in note for note in itself.notes)
