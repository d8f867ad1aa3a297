"""Boxes are learnt by models that ask queries: micro-batches, resuming bit for bit, what moves."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from crosstune.core.targets import SIZES
from crosstune.evaluation.scores import point
from crosstune.sources.base import Backbone
from crosstune.tasks.object_detection import ObjectDetection
from crosstune.tasks.set_loss import SetLoss
from tests.support.detection import box_items
from tests.support.query_detectors import FAMILIES, Family, query_detector
from tests.training.places import goes_on_bit_for_bit, micro_batches_agree, trained
from tests.training.test_speech import weights

TRAIN, VALIDATION = box_items(12), box_items(8, seed=1)
PARTS = (TRAIN, VALIDATION)
TASK = ObjectDetection.from_targets(TRAIN.targets())


@pytest.mark.parametrize("family", FAMILIES)
def test_8_x_1_equals_4_x_2_over_objects(family: Family, tmp_path: Path) -> None:
    backbone = query_detector(family, tmp_path)
    backbone.model.train()  # every layer is taught
    for module in backbone.model.modules():  # but no dropout, and no statistics of a batch
        if isinstance(module, nn.BatchNorm2d | nn.Dropout):
            module.eval()
    micro_batches_agree(backbone, TASK, box_items(8))


def opened(family: Family, folder: Path) -> tuple[Backbone, ObjectDetection]:
    return query_detector(family, folder), TASK


@pytest.mark.parametrize("family", ["detr", "rt_detr", "yolos"])
def test_it_goes_on_bit_for_bit(family: Family, tmp_path: Path) -> None:
    goes_on_bit_for_bit(partial(opened, family, tmp_path), PARTS, tmp_path, "map", augment="flip")


@pytest.mark.parametrize("strategy", ["head", "last"])
@pytest.mark.parametrize("family", ["detr", "rt_detr", "d_fine", "yolos"])
def test_the_decoder_moves_with_the_head_and_the_body_stays(
    family: Family, strategy: str, tmp_path: Path
) -> None:
    start = query_detector(family, tmp_path)
    before, blocks = weights(start), start.blocks
    backbone, result = trained(
        partial(opened, family, tmp_path),
        PARTS,
        tmp_path / "run",
        strategy=strategy,
        last_blocks=1,
        epochs=1,
        batchnorm="frozen",
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


def test_boxes_can_be_learnt(tmp_path: Path) -> None:
    backbone = query_detector("rt_detr", tmp_path)
    for module in backbone.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.3  # there are few steps
    encoded, batch = TASK.encode(TRAIN.targets()), backbone.preprocessing(TRAIN.raw)
    targets, loss = TASK.collate(encoded), SetLoss(classes=len(TASK.classes))
    optimizer = torch.optim.AdamW(backbone.model.parameters(), lr=3e-3)
    backbone.model.train()
    for _ in range(240):
        total, weight = loss(backbone.model(**batch), targets)
        optimizer.zero_grad()
        (total / weight).backward()
        nn.utils.clip_grad_norm_(backbone.model.parameters(), 1.0)
        optimizer.step()
    backbone.model.eval()
    with torch.no_grad():
        answers = TASK.answers_at(backbone.model(**batch), batch[SIZES])
    assert point(TASK, answers, encoded)["map-50"] > 0.7
