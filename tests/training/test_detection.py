"""Boxes are learnt: gradients of micro-batches, strategies, resuming bit for bit, mirrored pictures."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.object_detection import BCE, FOCAL, ObjectDetection
from crosstune.training.augment import Augmenter
from crosstune.training.loader import Loader
from crosstune.training.order import Order
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.detection import box_items, detector
from tests.support.tiny import Kind
from tests.training.small import plain
from tests.training.test_speech import Ends, distance, weights
from tests.training.test_update import micro_batches, updater

TRAIN, VALIDATION = box_items(12), box_items(8, seed=1)
TASK = ObjectDetection.from_targets(TRAIN.targets())


def bound(backbone: Backbone) -> ObjectDetection:
    return TASK.at(backbone.preprocessing.side, backbone.levels)  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", ["vit", "efficientnet"])
@pytest.mark.parametrize("loss", [BCE, FOCAL])
def test_8_x_1_equals_4_x_2_over_objects(made: Kind, loss: str, tmp_path: Path) -> None:
    backbone = detector(made, tmp_path)
    backbone.model.eval()  # no dropout, no statistics of a batch
    task, items = bound(backbone), box_items(8)
    settings = plain(optimizer="sgd", lr=1.0, momentum=0.0, clip_norm=0.0, class_weights="auto", loss=loss)
    found = []
    for sizes in ([8], [2, 2, 2, 2], [5, 3]):
        one = replace(backbone, model=copy.deepcopy(backbone.model).double())
        batches = [
            replace(part, batch={name: tensor.double() for name, tensor in part.batch.items()})
            for part in micro_batches(one, task, items, sizes)
        ]
        value = updater(one, task, items, settings)(batches, step=0, epoch=0)
        found.append((value, {n: p.grad for n, p in one.model.named_parameters() if p.grad is not None}))
    assert any(gradient.abs().sum() > 0 for gradient in found[0][1].values())
    for value, gradients in found[1:]:
        assert value == pytest.approx(found[0][0], rel=1e-6)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name], rtol=1e-6, atol=1e-9)


def trained(
    made: Kind, folder: Path, work: Path, *, resume: bool = False, reporter: Any = None, **values: Any
) -> tuple[Backbone, TrainResult]:
    backbone = detector(made, folder)
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 4, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    result = train(
        backbone, bound(backbone), TRAIN, VALIDATION, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


@pytest.mark.parametrize("made", ["efficientnet"])
def test_it_goes_on_bit_for_bit(made: Kind, tmp_path: Path) -> None:
    whole, one = trained(made, tmp_path, tmp_path / "whole", augment="flip")
    with pytest.raises(Interrupted):
        trained(made, tmp_path, tmp_path / "broken", reporter=Ends(4), augment="flip")
    again, two = trained(made, tmp_path, tmp_path / "broken", resume=True, augment="flip")
    assert one.steps == two.steps == 6
    assert [row["map"] for row in one.history] == [row["map"] for row in two.history]
    found = weights(whole)
    assert distance(found, weights(detector(made, tmp_path))) > 0
    for name, tensor in weights(again).items():
        assert torch.equal(tensor, found[name]), name


def test_the_decoder_moves_with_the_head_and_the_body_stays(tmp_path: Path) -> None:
    before = weights(detector("resnet", tmp_path))
    backbone, result = trained("resnet", tmp_path, tmp_path / "run", strategy="head", epochs=1)
    assert not result.cached
    after = weights(backbone)
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert not [name for name in moved if name.startswith("body.")]
    for path in ("decoder.", "sides.", "classifier."):
        assert any(name.startswith(path) for name in moved)


def test_boxes_can_be_learnt(tmp_path: Path) -> None:
    _, result = trained("resnet", tmp_path, tmp_path / "run", epochs=60, lr=5e-3, checkpoint_every=1e9)
    assert max(float(row["map-50"]) for row in result.history) > 0.5


def test_pictures_and_boxes_move_together(tmp_path: Path) -> None:
    """The colours inside the boxes stay those of their classes, whatever is mirrored and cut out."""
    backbone = detector("resnet", tmp_path)
    task = bound(backbone)
    loader = Loader(
        items=TRAIN, encoded=task.encode(TRAIN.targets()), task=task, preprocessing=backbone.preprocessing,
        order=Order(12, 4, 0), micro_batch=None, augmenter=Augmenter(("flip", "crop"), 0),
    )  # fmt: skip
    boxes, kinds = 0, set()
    for epoch in range(3):
        loaded = loader.load(np.arange(12), epoch)
        side = loaded.batch["x"].shape[-1]
        for pixels, rows in zip(loaded.batch["x"], loaded.targets, strict=True):
            for left, top, right, bottom, kind, counts in rows.tolist():
                wide, high = (right - left) * side, (bottom - top) * side
                others = [one for one in rows.tolist() if one[5] >= 0]
                if counts != 1 or min(wide, high) < 8 or len(others) > 1:
                    continue
                rows_in = slice(round(top * side) + 3, round(bottom * side) - 3)
                columns_in = slice(round(left * side) + 3, round(right * side) - 3)
                middle = pixels[:, rows_in, columns_in].mean(dim=(1, 2))
                assert int(middle[0] < middle[2]) == int(kind)  # cats are red, dogs are blue
                boxes, kinds = boxes + 1, kinds | {int(kind)}
    assert boxes >= 6
    assert kinds == {0, 1}
