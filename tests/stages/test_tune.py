"""Choosing what is shipped leaves nothing behind that training could start from by mistake."""

from pathlib import Path

import torch

from crosstune.artifacts.model import load_model
from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.stages.closed_form import ship_closed_form
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import prepare
from crosstune.stages.probe import probe
from crosstune.stages.run import Run, new_folder
from tests.support.sets import write_pictures
from tests.support.tiny import tiny_vit_dir


def test_training_does_not_start_from_the_head_that_was_refitted_on_validation_rows(tmp_path: Path) -> None:
    data, body = write_pictures(tmp_path / "photos", 24), tiny_vit_dir(tmp_path / "vit")
    options = FitOptions(data=data, model=str(body), features="head", engine="torch", out=tmp_path / "run")
    run = Run(options, new_folder(tmp_path / "run"), Budget(None), Silent())
    prepared = prepare(run)
    opened = open_planned(run, prepared)
    before = opened.backbone.head_module().weight.detach().clone()
    closed = ship_closed_form(run, prepared, opened, probe(run, prepared, opened))
    assert closed.model.head is None
    assert torch.equal(opened.backbone.head_module().weight, before)
    saved = load_model(run.folder.model).backbone.head_module().weight
    assert not torch.allclose(saved, before)
