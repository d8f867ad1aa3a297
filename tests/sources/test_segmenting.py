"""Models that answer every pixel: transformers' own, and picture models with a decoder of ours."""

from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.artifacts.model import SavedModel, load_model, save_model
from crosstune.core.targets import SIZES
from crosstune.frozen.freeze import block_parameters
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.pyramid import Tap, as_map
from crosstune.sources.registry import open_model
from crosstune.sources.segmenter import PlaceLinear, PlacePreprocessing
from crosstune.sources.unet import UNetDecoder
from crosstune.tasks.image_segmentation import ImageSegmentation
from tests.support.segmentation import CLASSES, FAMILIES, Family, Made, mask_items, options, segmenter
from tests.support.segmentation import tiny_segmenter_dir as tiny
from tests.support.tiny import tiny_backbone, tiny_resnet_dir

MADE: tuple[Made, ...] = (*FAMILIES, "vit", "resnet", "efficientnet", "timm-vit", "unet")
ITEMS = mask_items(5)


@pytest.mark.parametrize("made", MADE)
def test_outputs_are_maps_and_every_parameter_is_in_one_place(made: Made, tmp_path: Path) -> None:
    backbone = segmenter(made, tmp_path)
    batch = backbone.preprocessing(ITEMS.raw)
    assert batch[SIZES].tolist() == [[one.height, one.width] for one in ITEMS.raw]
    side = backbone.preprocessing.side  # type: ignore[attr-defined]
    pixels = next(tensor for tensor in batch.values() if tensor.ndim == 4)
    assert pixels.shape == (5, 3, side, side)
    with torch.no_grad():
        outputs = backbone.logits(backbone.model(**batch))
    assert outputs.shape[:2] == (5, 3)
    assert outputs.shape[2] == outputs.shape[3] >= 4
    assert backbone.dense
    head = {id(one) for one in backbone.head_parameters()}
    inside = [id(one) for group in block_parameters(backbone) for one in group]
    assert len(inside) == len(set(inside))
    assert not head & set(inside)
    moving = {id(one) for one in backbone.model.parameters() if one.requires_grad}
    assert moving <= head | set(inside)
    outputs = backbone.logits(backbone.model(**batch))
    outputs.square().sum().backward()
    reached = {id(one) for one in backbone.model.parameters() if one.grad is not None}
    assert {id(one) for one in backbone.head_module().parameters()} <= reached
    assert len(reached) > 0.8 * len(moving)


@pytest.mark.parametrize("made", ["segformer", "efficientnet", "vit", "unet"])
def test_a_saved_model_gives_the_same_masks(made: Made, tmp_path: Path) -> None:
    backbone = segmenter(made, tmp_path)
    with torch.no_grad():
        backbone.head_module().weight.mul_(1.5)
    task = ImageSegmentation(CLASSES)
    ours = SavedModel(backbone=backbone, task=task)
    save_model(ours, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    answers = ours.outputs(ITEMS)
    assert np.array_equal(again.outputs(ITEMS), answers)
    assert [one.shape for one in task.masks(answers)] == [(one.height, one.width) for one in ITEMS.raw]
    assert again.task == task
    body = open_model(str(tmp_path / "saved"), options())  # to start from
    assert body.dense
    with torch.no_grad():
        head = body.head_module().weight
    assert torch.equal(head, backbone.head_module().weight) == (made == "segformer")


@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_loads_what_is_saved(family: Family, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

    backbone = segmenter(family, tmp_path)
    task = ImageSegmentation(CLASSES)
    model = SavedModel(backbone=backbone, task=task)
    save_model(model, tmp_path / "saved")
    theirs = AutoModelForSemanticSegmentation.from_pretrained(tmp_path / "saved").eval()
    processor = AutoImageProcessor.from_pretrained(tmp_path / "saved")
    assert theirs.config.id2label == dict(enumerate(CLASSES))
    for picture, mask in zip(ITEMS.raw, task.masks(model.outputs(ITEMS)), strict=True):
        with torch.no_grad():
            outputs = theirs(**processor(images=picture, return_tensors="pt"))
        (found,) = processor.post_process_semantic_segmentation(outputs, [picture.size[::-1]])
        assert np.mean(found.numpy() == mask) > 0.999


@pytest.mark.parametrize("family", ["segformer", "upernet"])
def test_the_pipeline_of_transformers_gives_the_same_masks(family: Family, tmp_path: Path) -> None:
    from transformers import pipeline

    task = ImageSegmentation(CLASSES)
    model = SavedModel(backbone=segmenter(family, tmp_path), task=task)
    save_model(model, tmp_path / "saved")
    find = pipeline("image-segmentation", model=str(tmp_path / "saved"))
    for picture, mask in zip(ITEMS.raw, task.masks(model.outputs(ITEMS)), strict=True):
        found = {one["label"]: np.asarray(one["mask"]) > 0 for one in find(picture)}
        assert set(found) >= {CLASSES[kind] for kind in np.unique(mask).tolist()}
        for kind, name in enumerate(CLASSES):
            theirs = found.get(name, np.zeros_like(mask, dtype=bool))
            assert np.mean(theirs == (mask == kind)) > 0.999


def test_a_head_for_just_these_classes_is_kept_in_their_order(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model", "segformer", classes=("dog", "background", "cat"))
    kept = open_model(str(folder), options())
    assert kept.head_trained
    whole = open_model(str(folder), options(("dog", "background", "cat")))
    order = [("dog", "background", "cat").index(name) for name in CLASSES]
    assert torch.equal(kept.head_module().weight, whole.head_module().weight[order])
    other = open_model(str(folder), options(("a", "b", "c")))
    assert not other.head_trained
    assert any("last layer is new" in note for note in other.notes)


def test_a_last_layer_is_a_convolution_in_files() -> None:
    convolution = torch.nn.Conv2d(4, 3, 1)
    layer = PlaceLinear.of(convolution)
    maps = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(layer(maps), convolution(maps))
    assert {name: tuple(one.shape) for name, one in layer.state_dict().items()} == {
        name: tuple(one.shape) for name, one in convolution.state_dict().items()
    }
    again = PlaceLinear(4, 3)
    again.load_state_dict(convolution.state_dict())
    assert torch.equal(again.weight, layer.weight)
    again.load_state_dict({"weight": layer.weight, "bias": layer.bias})


@pytest.mark.parametrize(("side", "places"), [(64, 16), (54, 14), (56, 14), (50, 13)])
def test_the_finest_map_is_read_at_sides_that_strides_do_not_divide(side: int, places: int) -> None:
    opened = open_model("timm:test_efficientnet", options(pretrained=False, image_size=side))
    assert opened.model.taps[0].side == places  # type: ignore[index, union-attr]


def test_the_maps_of_a_body_are_read_at_every_scale(tmp_path: Path) -> None:
    resnet, vit = segmenter("resnet", tmp_path), segmenter("vit", tmp_path)
    sides = [tap.side for tap in resnet.model.taps]  # type: ignore[union-attr]
    assert sides == sorted(set(sides), reverse=True)
    assert len(sides) > 1
    assert sides[0] <= 64 // 4
    assert {tap.layout for tap in vit.model.taps} == {"BTC"}  # type: ignore[union-attr]
    assert len({tap.block for tap in vit.model.taps}) > 1  # type: ignore[union-attr]


def test_tokens_become_the_square_that_they_were_cut_from(tmp_path: Path) -> None:
    square = torch.arange(2 * 9 * 4.0).reshape(2, 3, 3, 4)
    tokens = torch.cat([torch.full((2, 1, 4), -1.0), square.flatten(1, 2)], dim=1)
    tap = Tap(block=0, path="x", channels=4, side=3, layout="BTC")
    assert torch.equal(as_map(tokens, tap), square.permute(0, 3, 1, 2))
    other = Tap(block=0, path="x", channels=4, side=3, layout="BHWC")
    assert torch.equal(as_map(square, other), square.permute(0, 3, 1, 2))


def test_whole_pictures_are_read_whatever_the_processor_crops(tmp_path: Path) -> None:
    tiny_resnet_dir(tmp_path / "resnet")
    backbone = open_model(str(tmp_path / "resnet"), options())
    assert isinstance(backbone.preprocessing, PlacePreprocessing)
    wide = mask_items(1, size=60).raw[0].resize((200, 40))
    pixels = backbone.preprocessing([wide])["pixel_values"]
    marked = wide.copy()
    marked.paste((255, 255, 255), (0, 0, 20, 40))
    marked.paste((255, 255, 255), (180, 0, 200, 40))
    again = backbone.preprocessing([marked])["pixel_values"]
    changed = (pixels != again).any(dim=1)[0].any(dim=0)
    assert bool(changed[0])
    assert bool(changed[-1])


def test_a_unet_reads_one_scale_more_and_lays_maps_beside_each_other(tmp_path: Path) -> None:
    plain, unet = segmenter("efficientnet", tmp_path), segmenter("unet", tmp_path)
    sides = [tap.side for tap in unet.model.taps]  # type: ignore[union-attr]
    assert sides[0] == 2 * plain.model.taps[0].side  # type: ignore[union-attr,index]
    channels = [tap.channels for tap in unet.model.taps]  # type: ignore[union-attr]
    decoder = unet.model.decoder
    assert isinstance(decoder, UNetDecoder)
    assert len(decoder.steps) == len(channels) - 1
    taken = [step[0].in_channels for step in decoder.steps]  # type: ignore[index]
    made = [step[0].out_channels for step in decoder.steps]  # type: ignore[index]
    assert taken == [own + below for own, below in zip(channels, [*made[1:], channels[-1]], strict=False)]
    maps = [torch.randn(2, wide, side, side) for wide, side in zip(channels, sides, strict=True)]
    with torch.no_grad():
        assert decoder(maps).shape == (2, decoder.width, sides[0], sides[0])
        for place in range(len(maps)):  # every map is read
            changed = [one + (number == place) for number, one in enumerate(maps)]
            assert not torch.equal(decoder(changed), decoder(maps))
    alone = UNetDecoder([6], 0.0)
    assert alone([torch.randn(1, 6, 5, 5)]).shape == (1, alone.width, 5, 5)


def test_a_decoder_is_for_its_task_and_for_models_without_one(tmp_path: Path) -> None:
    for name in ("fcos", "unet"):
        task = "image-segmentation" if name == "fcos" else "object-detection"
        asked = OpenOptions(task=task, outputs=3, pretrained=False, image_size=64, decoder=name)
        with pytest.raises(UnsupportedModel, match="no such decoder"):
            open_model("timm:test_resnet", asked)
    folder = tiny(tmp_path / "model", "segformer")
    with pytest.raises(UnsupportedModel, match="answers with what it has"):
        open_model(str(folder), options(decoder="unet"))
    classes = OpenOptions(task="image-classification", outputs=3, pretrained=False, decoder="unet")
    with pytest.raises(UnsupportedModel, match="answers with what it has"):
        open_model("timm:test_resnet", classes)


def test_what_cannot_answer_pixels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="text body"):
        tiny_backbone("bert-patches", 3, tmp_path, task="image-segmentation")
    name = "timm:test_resnet"
    with pytest.raises(UnsupportedModel, match="whole pictures"):
        open_model(
            name,
            OpenOptions(task="image-segmentation", outputs=3, pretrained=False, image_size=64, resize=72),
        )


def test_a_model_of_convolutions_reads_other_sides_with_the_same_weights(tmp_path: Path) -> None:
    from crosstune.sources.dense import at_side

    backbone = segmenter("efficientnet", tmp_path)
    larger = at_side(backbone, 96)
    assert larger.model is backbone.model
    assert (
        backbone.preprocessing(ITEMS.raw)["x"].shape[-1],
        larger.preprocessing(ITEMS.raw)["x"].shape[-1],
    ) == (64, 96)
    task = ImageSegmentation(CLASSES)
    ours = SavedModel(backbone=larger, task=task)
    save_model(ours, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert np.array_equal(again.outputs(ITEMS), ours.outputs(ITEMS))
    assert not np.array_equal(again.outputs(ITEMS), SavedModel(backbone=backbone, task=task).outputs(ITEMS))
    with pytest.raises(ValueError, match="one size"):
        at_side(segmenter("vit", tmp_path), 96)
