"""Boxes are learnt by models that ask queries: micro-batches, resuming bit for bit, what moves."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from crosstune.core.clock import Budget
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.object_detection import ObjectDetection
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.detection import box_items
from tests.support.query_detectors import FAMILIES, Family, query_detector
from tests.training.small import plain
from tests.training.test_speech import Ends, distance, weights
from tests.training.test_update import micro_batches, updater

TRAIN, VALIDATION = box_items(12), box_items(8, seed=1)
TASK = ObjectDetection.from_targets(TRAIN.targets())


@pytest.mark.parametrize("family", FAMILIES)
def test_8_x_1_equals_4_x_2_over_objects(family: Family, tmp_path: Path) -> None:
    backbone = query_detector(family, tmp_path)
    backbone.model.train()  # every layer is taught
    for module in backbone.model.modules():  # but no dropout, and no statistics of a batch
        if isinstance(module, nn.BatchNorm2d | nn.Dropout):
            module.eval()
    items = box_items(8)
    settings = plain(optimizer="sgd", lr=1.0, momentum=0.0, clip_norm=0.0)
    found = []
    for sizes in ([8], [2, 2, 2, 2], [5, 3]):
        one = replace(backbone, model=copy.deepcopy(backbone.model).double())
        batches = [
            replace(part, batch={name: tensor.double() for name, tensor in part.batch.items()})
            for part in micro_batches(one, TASK, items, sizes)
        ]
        value = updater(one, TASK, items, settings)(batches, step=0, epoch=0)
        found.append((value, {n: p.grad for n, p in one.model.named_parameters() if p.grad is not None}))
    assert any(gradient.abs().sum() > 0 for gradient in found[0][1].values())
    for value, gradients in found[1:]:
        assert value == pytest.approx(found[0][0], rel=1e-6)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name], rtol=1e-6, atol=1e-9)


def trained(
    family: Family, folder: Path, work: Path, *, resume: bool = False, reporter: Any = None, **values: Any
) -> tuple[Backbone, TrainResult]:
    backbone = query_detector(family, folder)
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 4, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    result = train(
        backbone, TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


@pytest.mark.parametrize("family", ["detr", "rt_detr", "yolos"])
def test_it_goes_on_bit_for_bit(family: Family, tmp_path: Path) -> None:
    whole, one = trained(family, tmp_path, tmp_path / "whole", augment="flip")
    with pytest.raises(Interrupted):
        trained(family, tmp_path, tmp_path / "broken", reporter=Ends(4), augment="flip")
    again, two = trained(family, tmp_path, tmp_path / "broken", resume=True, augment="flip")
    assert one.steps == two.steps == 6
    assert [row["map"] for row in one.history] == [row["map"] for row in two.history]
    found = weights(whole)
    assert distance(found, weights(query_detector(family, tmp_path))) > 0
    for name, tensor in weights(again).items():
        assert torch.equal(tensor, found[name]), name


@pytest.mark.parametrize("strategy", ["head", "last"])
@pytest.mark.parametrize("family", ["detr", "rt_detr", "d_fine", "yolos"])
def test_the_decoder_moves_with_the_head_and_the_body_stays(
    family: Family, strategy: str, tmp_path: Path
) -> None:
    start = query_detector(family, tmp_path)
    before, blocks = weights(start), start.blocks
    backbone, result = trained(
        family, tmp_path, tmp_path / "run", strategy=strategy, last_blocks=1, epochs=1, batchnorm="frozen"
    )
    assert not result.cached
    after = weights(backbone)
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    for path in (backbone.head, *backbone.head_beside):
        same = {id(one) for one in backbone.model.get_submodule(path).parameters()}
        names = [n for n, p in backbone.model.named_parameters(remove_duplicate=False) if id(p) in same]
        assert moved & set(names), path
    still = blocks if strategy == "head" else blocks[:-1]
    frozen = tuple(f"{path}." for block in still for path in block.modules)
    assert not [name for name in moved if name.startswith(frozen)]
    last = tuple(f"{path}." for path in blocks[-1].modules)
    assert any(name.startswith(last) for name in moved) == (strategy == "last")


def test_the_loss_falls(tmp_path: Path) -> None:
    _, result = trained("rt_detr", tmp_path, tmp_path / "run", epochs=60, lr=5e-3, checkpoint_every=1e9)
    losses = [float(row["train_loss"]) for row in result.history]
    assert losses[-1] < 0.9 * losses[0]
