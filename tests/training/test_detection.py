"""Boxes are learnt: gradients of micro-batches, strategies, resuming bit for bit, mirrored pictures."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.sources.base import Backbone
from crosstune.tasks.object_detection import BCE, FOCAL, ObjectDetection
from crosstune.training.augment import Augmenter
from crosstune.training.loader import Loader
from crosstune.training.order import Order
from tests.support.detection import box_items, detector
from tests.support.tiny import Kind
from tests.training.places import goes_on_bit_for_bit, micro_batches_agree, trained
from tests.training.test_speech import weights

TRAIN, VALIDATION = box_items(12), box_items(8, seed=1)
PARTS = (TRAIN, VALIDATION)
TASK = ObjectDetection.from_targets(TRAIN.targets())


def bound(backbone: Backbone) -> ObjectDetection:
    return TASK.at(backbone.preprocessing.side, backbone.levels)  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", ["vit", "efficientnet"])
@pytest.mark.parametrize("loss", [BCE, FOCAL])
def test_8_x_1_equals_4_x_2_over_objects(made: Kind, loss: str, tmp_path: Path) -> None:
    backbone = detector(made, tmp_path)
    backbone.model.eval()  # no dropout, no statistics of a batch
    micro_batches_agree(backbone, bound(backbone), box_items(8), class_weights="auto", loss=loss)


def opened(made: Kind, folder: Path) -> tuple[Backbone, ObjectDetection]:
    backbone = detector(made, folder)
    return backbone, bound(backbone)


@pytest.mark.parametrize("made", ["efficientnet", "vit"])
def test_it_goes_on_bit_for_bit(made: Kind, tmp_path: Path) -> None:
    goes_on_bit_for_bit(partial(opened, made, tmp_path), PARTS, tmp_path, "map", augment="flip+crop")


def test_the_decoder_moves_with_the_head_and_the_body_stays(tmp_path: Path) -> None:
    before = weights(detector("resnet", tmp_path))
    backbone, result = trained(
        partial(opened, "resnet", tmp_path), PARTS, tmp_path / "run", strategy="head", epochs=1
    )
    assert not result.cached
    after = weights(backbone)
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert not [name for name in moved if name.startswith("body.")]
    for path in ("decoder.", "sides.", "classifier."):
        assert any(name.startswith(path) for name in moved)


def test_boxes_can_be_learnt(tmp_path: Path) -> None:
    _, result = trained(
        partial(opened, "resnet", tmp_path), PARTS, tmp_path / "run", epochs=60, lr=5e-3, checkpoint_every=1e9
    )
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
