"""The whole measure of a gap on tiny models: planted shifts are found and named, equal sets are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crosstune import pipeline
from crosstune.core.errors import BadValue
from crosstune.core.gap import GapLevel
from crosstune.core.progress import Silent
from crosstune.core.seeding import generator
from crosstune.stages.gap import GapQuestion, measure_gap
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir, tiny_vit_dir


def squares(root: Path, each: int, seed: int, *, light: int = 0) -> Path:
    """Write class folders of large and small squares, of any grey, on grainy ground."""
    draw = generator(seed, "squares")
    for name, side in (("large", 24), ("small", 12)):
        (root / name).mkdir(parents=True)
        for number in range(each):
            pixels = np.repeat(draw.integers(0, 60, (40, 40, 1)), 3, axis=2) + light
            top, left = draw.integers(0, 40 - side, 2)
            pixels[top : top + side, left : left + side] += draw.integers(20, 100)
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number:02}.png")
    return root


def test_light_is_found_named_and_shown(tmp_path: Path) -> None:
    night = squares(tmp_path / "a" / "night", 24, 0)
    noon = squares(tmp_path / "a" / "noon", 24, 1, light=90)
    model = str(tiny_vit_dir(tmp_path / "vit"))
    gap = pipeline.gap(night, noon, model=model, out=tmp_path / "out")
    assert gap.level is not GapLevel.NONE
    assert gap.differing[0].name == "brightness"
    assert gap.differing[0].more.value > 0.95
    assert (gap.first.name, gap.second.name) == ("night", "noon")
    assert gap.otdd is not None
    assert gap.frechet is not None
    assert {one.second for one in gap.witnesses} == {False, True}
    assert all(one.picture for one in gap.witnesses)
    assert "Brightness differs most" in (tmp_path / "out" / "gap.html").read_text(encoding="utf-8")
    with pytest.raises(BadValue, match="is not empty"):
        pipeline.gap(night, noon, model=model, out=tmp_path / "out")


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
