"""Any picture model as a detector: outputs, blocks, saving, what cannot be one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.artifacts.model import SavedModel, load_model, save_model
from crosstune.core.place_grid import place_grid
from crosstune.core.targets import SIZES
from crosstune.frozen.freeze import block_parameters
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.place_detector import FINEST, PRIOR
from crosstune.sources.registry import open_model
from crosstune.tasks.object_detection import ObjectDetection
from tests.support.detection import CLASSES, box_items, detector, options
from tests.support.tiny import Kind, tiny_backbone

MADE: tuple[Kind, ...] = ("vit", "resnet", "efficientnet", "timm-vit")
ITEMS = box_items(5)


@pytest.mark.parametrize("made", MADE)
def test_every_place_answers_and_every_parameter_is_in_one_place(made: Kind, tmp_path: Path) -> None:
    backbone = detector(made, tmp_path)
    batch = backbone.preprocessing(ITEMS.raw)
    assert batch[SIZES].tolist() == [[one.height, one.width] for one in ITEMS.raw]
    with torch.no_grad():
        outputs = backbone.logits(backbone.model(**batch))
    places = place_grid(backbone.levels)
    assert outputs.shape == (5, len(places), len(CLASSES) + 4)
    assert list(backbone.levels) == sorted(set(backbone.levels), reverse=True)
    assert len(backbone.levels) > 1
    side = backbone.preprocessing.side  # type: ignore[attr-defined]
    assert made in ("vit", "timm-vit") or backbone.levels[0] * FINEST <= side
    boxes = outputs[..., len(CLASSES) :].numpy()
    assert (boxes[..., 0] < places[:, 0]).all()
    assert (boxes[..., 3] > places[:, 1]).all()
    assert float(outputs[..., : len(CLASSES)].sigmoid().mean()) == pytest.approx(PRIOR, rel=1.0)
    head = {id(one) for one in backbone.head_parameters()}
    inside = [id(one) for group in block_parameters(backbone) for one in group]
    assert len(inside) == len(set(inside))
    assert not head & set(inside)
    moving = {id(one) for one in backbone.model.parameters() if one.requires_grad}
    assert moving <= head | set(inside)
    backbone.logits(backbone.model(**batch)).square().sum().backward()
    reached = {id(one) for one in backbone.model.parameters() if one.grad is not None}
    assert head <= reached
    assert len(reached) > 0.8 * len(moving)


@pytest.mark.parametrize("made", ["efficientnet", "vit"])
def test_a_saved_detector_finds_the_same(made: Kind, tmp_path: Path) -> None:
    backbone = detector(made, tmp_path)
    with torch.no_grad():
        backbone.head_module().bias.add_(3.0)
    task = ObjectDetection(CLASSES).at(backbone.preprocessing.side, backbone.levels)  # type: ignore[attr-defined]
    ours = SavedModel(backbone=backbone, task=task)
    save_model(ours, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    answers = ours.outputs(ITEMS)
    assert np.array_equal(again.outputs(ITEMS), answers)
    assert again.task == task
    found = task.boxes(answers, 0.0)
    assert all(map(len, found))
    for rows, picture in zip(found, ITEMS.raw, strict=True):
        assert rows.size == picture.size
        assert (rows.boxes >= 0).all()
        assert (rows.boxes[:, 2] <= picture.width).all()
        assert (rows.boxes[:, 3] <= picture.height).all()
        assert (np.diff(rows.values) <= 0).all()
    body = open_model(str(tmp_path / "saved"), options())  # to start from
    assert body.levels == backbone.levels
    masks = open_model(str(tmp_path / "saved"), OpenOptions(task="image-segmentation", outputs=3))
    assert not masks.levels


def test_what_cannot_answer_places_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="text body"):
        tiny_backbone("bert-patches", 3, tmp_path, task="object-detection")
