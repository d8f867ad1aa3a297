"""Stage 2: the size of the input, and how often a model is opened for it."""

from pathlib import Path
from typing import Any

import pytest

from crosstune.core.clock import Budget
from crosstune.core.plan import Basis
from crosstune.core.progress import Silent
from crosstune.options import fit_options
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.stages import opening
from crosstune.stages.opening import Opened, open_planned
from crosstune.stages.prepare import prepare
from crosstune.stages.run import Run, new_folder
from tests.support.sets import write_pictures

LITE = "package:efficientnet-lite0"


def opened_at(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **values: Any
) -> tuple[Opened, list[int | None]]:
    """Open a model for pictures of ``side`` px; gives the sizes that were asked for, one by one, as well."""
    write_pictures(tmp_path / "pictures", 12, side=side)
    found = {"data": tmp_path / "pictures", "model": LITE, "engine": "torch", "budget": "none", **values}
    run = Run(fit_options(found), new_folder(tmp_path / "run"), Budget(None), Silent())
    asked: list[int | None] = []
    original = opening.open_model

    def counted(name: str, options: OpenOptions) -> Backbone:
        asked.append(options.image_size)
        return original(name, options)

    prepared = prepare(run)
    monkeypatch.setattr(opening, "open_model", counted)
    return open_planned(run, prepared), asked


@pytest.mark.real
@pytest.mark.parametrize(("side", "expected", "asked"), [(28, 96, 96), (400, 224, None)])
def test_a_model_of_the_catalogue_is_opened_once(
    side: int, expected: int, asked: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, sizes = opened_at(side, tmp_path, monkeypatch)
    assert sizes == [asked]
    assert opened.plan["image_size"] == opened.backbone.preprocessing.describe()["size"] == expected
    assert opened.plan.decision("image_size").basis is Basis.PRIOR


@pytest.mark.real
def test_without_the_catalogue_the_models_own_size_is_seen_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "known", lambda _name: None)
    opened, sizes = opened_at(28, tmp_path, monkeypatch)
    assert sizes == [None, 96]
    assert opened.plan["image_size"] == 96


@pytest.mark.real
def test_a_body_that_reads_one_size_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_convolutional", lambda _backbone: False)
    opened, sizes = opened_at(28, tmp_path, monkeypatch)
    assert sizes == [96, None]
    assert "image_size" not in opened.plan
    assert opened.backbone.preprocessing.describe()["size"] == 224


@pytest.mark.real
def test_the_size_that_was_asked_for_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, sizes = opened_at(28, tmp_path, monkeypatch, image_size=64)
    assert sizes == [64]
    assert opened.backbone.preprocessing.describe()["size"] == 64
