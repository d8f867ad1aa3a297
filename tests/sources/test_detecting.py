"""Detection models of transformers that ask queries."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from crosstune.artifacts.model import SavedModel, load_model, save_model
from crosstune.core.targets import SIZES
from crosstune.frozen.freeze import block_parameters
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.detecting import RARE, class_layers
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.registry import open_model
from crosstune.tasks.box_rows import from_array
from crosstune.tasks.object_detection import ObjectDetection
from crosstune.tasks.query_answers import LEAST
from tests.support.detection import CLASSES, TASK, box_items, options
from tests.support.query_detectors import FAMILIES, LAYERS, QUERIES, SIDE, SOFTMAX, Family, query_detector
from tests.support.query_detectors import tiny_detector_dir as tiny

ITEMS = box_items(5)
READ = {"yolos": 1, "rt_detr": LAYERS + 1, "rt_detr_v2": LAYERS + 1, "d_fine": LAYERS + 2}
"""Layers that are taught, where it is not those of the decoder: with that of the encoder, and the first guess
of D-FINE."""


def sure(backbone: Backbone) -> None:
    """Let the head answer with high and low scores."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        head = backbone.head_module()
        head.weight.normal_()
        head.bias.zero_()
        logits = backbone.model(**backbone.preprocessing(ITEMS.raw))[..., :-4]
        head.weight.mul_(3.0 / logits.std())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_taught_and_the_last_one_answers(family: Family, tmp_path: Path) -> None:
    backbone = query_detector(family, tmp_path)
    batch = backbone.preprocessing(ITEMS.raw)
    assert batch[SIZES].tolist() == [[one.height, one.width] for one in ITEMS.raw]
    assert batch["pixel_values"].shape == (5, 3, SIDE, SIDE)
    wide = len(CLASSES) + 4 + (family in SOFTMAX)
    with torch.no_grad():
        outputs = backbone.logits(backbone.model(**batch))
    assert outputs.shape == (5, 1, QUERIES, wide)
    assert (backbone.dense, backbone.levels, backbone.no_object) == (True, (), family in SOFTMAX)
    backbone.model.train()
    taught = backbone.logits(backbone.model(**batch))
    assert taught.shape == (5, READ.get(family, LAYERS), QUERIES, wide)
    inner = backbone.model.inner
    for module in backbone.model.modules():  # neither dropout nor statistics of the batch
        if isinstance(module, nn.BatchNorm2d | nn.Dropout):
            module.eval()
    with torch.no_grad():
        both = backbone.model(**batch)[:, -1], backbone.model.eval()(**batch)[:, -1]
    torch.testing.assert_close(*both, rtol=1e-4, atol=1e-5)
    assert not inner.training


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_in_one_place(family: Family, tmp_path: Path) -> None:
    backbone = query_detector(family, tmp_path)
    head = {id(one) for one in backbone.head_parameters()}
    inside = [id(one) for group in block_parameters(backbone) for one in group]
    assert len(inside) == len(set(inside))
    assert not head & set(inside)
    moving = {name: one for name, one in backbone.model.named_parameters() if one.requires_grad}
    assert {id(one) for one in moving.values()} <= head | set(inside)
    assert len(backbone.blocks) > 1
    classes = [backbone.model.inner.get_submodule(path) for path in class_layers(backbone.model.inner)]
    assert {id(one) for layer in classes for one in layer.parameters()} <= head
    backbone.model.train()
    outputs = backbone.model(**backbone.preprocessing(ITEMS.raw))
    outputs.square().sum().backward()
    reached = {name for name, one in moving.items() if one.grad is not None}
    assert len(reached) > 0.9 * len(moving), set(moving) - reached
    assert all(layer.weight.grad is not None for layer in classes)


@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_finds_the_same_in_what_is_saved(family: Family, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForObjectDetection, pipeline

    backbone = query_detector(family, tmp_path)
    sure(backbone)
    task = ObjectDetection(CLASSES)
    ours = SavedModel(backbone=backbone, task=task)
    save_model(ours, tmp_path / "saved")
    answers = ours.outputs(ITEMS)
    theirs = AutoModelForObjectDetection.from_pretrained(tmp_path / "saved").eval()
    processor = AutoImageProcessor.from_pretrained(tmp_path / "saved")
    assert theirs.config.id2label == dict(enumerate(CLASSES))
    find = pipeline("object-detection", model=str(tmp_path / "saved"))
    compared = 0
    for picture, rows in zip(ITEMS.raw, from_array(answers), strict=True):
        assert rows.size == picture.size
        assert (np.diff(rows.values) <= 0).all()
        with torch.no_grad():
            outputs = theirs(**processor(images=picture, return_tensors="pt"))
        sizes = [picture.size[::-1]]
        (found,) = processor.post_process_object_detection(outputs, threshold=LEAST, target_sizes=sizes)
        order = found["scores"].argsort(descending=True, stable=True).numpy()
        count = len(order)  # RT-DETR gives as many as it has queries, and we 100
        assert len(rows) >= count
        assert rows.values[:count] == pytest.approx(found["scores"].numpy()[order], abs=1e-4)
        assert rows.boxes[:count] == pytest.approx(found["boxes"].numpy()[order], abs=1e-2)
        assert (rows.classes[:count] == found["labels"].numpy()[order]).all()
        shown = sorted(find(picture, threshold=0.5), key=lambda one: -one["score"])
        likely = rows.only(rows.values > 0.5)
        assert len(shown) == min(len(likely), QUERIES if family.startswith(("rt", "d_f")) else 100)
        for place, one in enumerate(shown):
            assert one["label"] == CLASSES[likely.classes[place]]
            assert one["score"] == pytest.approx(likely.values[place], abs=1e-4)
            assert list(one["box"].values()) == pytest.approx(likely.boxes[place], abs=1.01)
            compared += 1
    assert compared > 3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_model_answers_the_same(family: Family, tmp_path: Path) -> None:
    backbone = query_detector(family, tmp_path)
    with torch.no_grad():
        for place, path in enumerate(class_layers(backbone.model.inner)):
            backbone.model.inner.get_submodule(path).weight.mul_(2.0 + place)
    ours = SavedModel(backbone=backbone, task=ObjectDetection(CLASSES))
    save_model(ours, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert np.array_equal(again.outputs(ITEMS), ours.outputs(ITEMS))
    assert again.task == ours.task
    weights = dict(again.backbone.model.named_parameters())
    for name, one in backbone.model.named_parameters():
        assert torch.equal(one, weights[name]), name
    start = open_model(str(tmp_path / "saved"), options())  # to go on from
    assert start.head_trained
    assert torch.equal(start.head_module().weight, backbone.head_module().weight)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_for_just_these_classes_is_kept_in_their_order(family: Family, tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model", family, classes=CLASSES[::-1])
    kept = open_model(str(folder), options())
    whole = open_model(str(folder), options(CLASSES[::-1]))
    assert kept.head_trained
    assert whole.head_trained
    order = [1, 0, 2] if family in SOFTMAX else [1, 0]
    for path in class_layers(kept.model.inner):
        one, other = (model.model.inner.get_submodule(path) for model in (kept, whole))
        assert torch.equal(one.weight, other.weight[order])
        assert torch.equal(one.bias, other.bias[order])
    assert not any("new" in note for note in kept.notes)
    batch = kept.preprocessing(ITEMS.raw)
    with torch.no_grad():
        one, other = kept.model(**batch), whole.model(**batch)
    torch.testing.assert_close(one[..., :2], other[..., [1, 0]])
    torch.testing.assert_close(one[..., -4:], other[..., -4:])


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize("family", ["detr", "rt_detr", "d_fine"])
def test_other_classes_get_new_layers(family: Family, classes: tuple[str, ...], tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model", family, classes=CLASSES)
    other = open_model(str(folder), options(classes))
    assert not other.head_trained
    assert any("class layers are new" in note for note in other.notes)
    assert not any("besides the head" in note for note in other.notes)
    for path in class_layers(other.model.inner):
        layer = other.model.inner.get_submodule(path)
        assert layer.out_features == len(classes) + (family in SOFTMAX)
        if family not in SOFTMAX:
            assert layer.bias.sigmoid().detach().numpy() == pytest.approx(RARE)


def test_pictures_of_another_side(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model", "rt_detr", classes=CLASSES)
    other = open_model(str(folder), options(image_size=96))
    batch = other.preprocessing(ITEMS.raw)
    assert batch["pixel_values"].shape == (5, 3, 96, 96)
    save_model(SavedModel(backbone=other, task=ObjectDetection(CLASSES)), tmp_path / "saved")
    again = load_model(tmp_path / "saved").backbone
    with torch.no_grad():
        assert torch.equal(again.model(**batch), other.model(**batch))
    assert again.preprocessing.describe()["side"] == 96


def test_what_has_no_place_is_refused(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model", "detr")
    with pytest.raises(UnsupportedModel, match="whole pictures"):
        open_model(str(folder), options(resize=72))
    with pytest.raises(UnsupportedModel, match="dropout"):
        open_model(str(folder), options(dropout=0.2))
    stages = tiny(tmp_path / "stages", "deformable_detr")
    config = (stages / "config.json").read_text()
    (stages / "config.json").write_text(config.replace('"two_stage": false', '"two_stage": true'))
    with pytest.raises(UnsupportedModel, match="chooses its queries"):
        open_model(str(stages), options())


def test_random_weights(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model", "yolos", classes=CLASSES)
    found = open_model(str(folder), OpenOptions(task=TASK, outputs=2, symbols=CLASSES, pretrained=False))
    assert not found.head_trained
    assert "random" in found.notes[0]
