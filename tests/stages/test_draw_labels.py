"""``check --draw``: a sheet for each split and one of what is set aside."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from crosstune.cli.main import app
from crosstune.core.errors import DoesNotApply
from crosstune.data.check import check
from crosstune.data.read import read
from crosstune.reports.sheet import colours
from crosstune.stages.draw_labels import draw_labels
from tests.data.boxing import voc, voc_text
from tests.data.making import class_folders, write
from tests.data.planted_masks import mask_set


def has(path: Path, shade: tuple[int, int, int]) -> bool:
    with Image.open(path) as image:
        return bool((np.asarray(image.convert("RGB")) == shade).all(axis=2).any())


def test_boxes_are_drawn_by_split_and_those_set_aside_apart(tmp_path: Path) -> None:
    voc(tmp_path / "data")
    write(tmp_path / "data" / "Annotations" / "a.xml", voc_text("a.png", [((4, 6, 60, 26), "owl")]))
    done = CliRunner().invoke(
        app, ["check", str(tmp_path / "data"), "--task", "object-detection", "--draw", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert "box-outside-picture" in done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["all.png", "set-aside.png"]
    shades = colours(["cat", "owl"])
    assert has(tmp_path / "out" / "all.png", shades["cat"])
    assert has(tmp_path / "out" / "set-aside.png", shades["owl"])


def test_masks_and_classes_are_drawn_too(tmp_path: Path) -> None:
    (path, other) = draw_labels(check(read(mask_set(tmp_path / "masks"))), tmp_path / "out")
    assert (path.name, other.name) == ("train.png", "validation.png")
    with Image.open(path) as image:
        assert image.width == 4 * 240
    classes = check(read(class_folders(tmp_path / "plain", {"a": 3, "b": 3})))
    assert [path.name for path in draw_labels(classes, tmp_path / "out")] == ["all.png"]


def test_only_pictures_can_be_drawn(tmp_path: Path) -> None:
    table = write(tmp_path / "texts.csv", "text,label\none,a\ntwo,b\nthree,a\nfour,b\n")
    with pytest.raises(DoesNotApply, match="pictures only"):
        draw_labels(check(read(table)), tmp_path / "out")
