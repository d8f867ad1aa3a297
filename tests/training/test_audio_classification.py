"""Classifiers of sounds each train, save, go on bit for bit when broken off, reload and predict."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.artifacts.model import SavedModel, load_model, save_model
from crosstune.core.clock import Budget
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.tiny import Kind, MemoryItems, random_sounds, tiny_backbone
from tests.training.small import plain
from tests.training.test_speech import Ends, weights

TRAIN = MemoryItems(random_sounds(24), ["low", "high", "noise"] * 8)
VALIDATION = MemoryItems(random_sounds(6, seed=1), ["low", "high", "noise"] * 2)
TASK = make_task("audio-classification", TRAIN.targets())
ENCODERS: tuple[Kind, ...] = ("ast", "hubert")
"""wav2vec2 and Whisper's encoder are killed at every file event in ``test_resume.py``."""


def trained(
    kind: Kind, folder: Path, work: Path, *, resume: bool = False, reporter: Any = None
) -> tuple[Backbone, TrainResult]:
    backbone = tiny_backbone(kind, 3, folder)
    settings = plain(strategy="full", lr=1e-3, epochs=2, batch_size=8, engine="torch", checkpoint_every=0.0)
    result = train(
        backbone, TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


@pytest.mark.parametrize("kind", ENCODERS)
def test_it_goes_on_bit_for_bit_and_is_reloaded(kind: Kind, tmp_path: Path) -> None:
    start = weights(tiny_backbone(kind, 3, tmp_path))
    whole, one = trained(kind, tmp_path, tmp_path / "whole")
    with pytest.raises(Interrupted):
        trained(kind, tmp_path, tmp_path / "broken", reporter=Ends(4))
    again, two = trained(kind, tmp_path, tmp_path / "broken", resume=True)
    assert one.steps == two.steps == 6
    assert one.history[-1]["accuracy"] == two.history[-1]["accuracy"]
    found = weights(whole)
    assert any(not torch.equal(tensor, start[name]) for name, tensor in found.items())
    for name, tensor in weights(again).items():
        assert torch.equal(tensor, found[name]), name
    save_model(SavedModel(backbone=whole, task=TASK), tmp_path / "model")
    saved = load_model(tmp_path / "model")
    ours = SavedModel(backbone=again, task=TASK).outputs(VALIDATION, engine="torch")
    np.testing.assert_allclose(saved.outputs(VALIDATION, engine="torch"), ours, atol=1e-5)
    assert [row["label"] for row in saved.predict(VALIDATION, engine="torch")] == [
        TASK.decode(row[None])[0]["label"] for row in ours
    ]
