"""Weights out of pip packages: every tensor in its place, and predictions that make sense."""

from dataclasses import replace

import pytest
import timm
import torch
from PIL import Image
from torch import nn

from crosstune.sources import packages
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import BadWeights
from crosstune.sources.registry import open_model
from crosstune.sources.timm_folders import preprocessing_of

SIZES = {0: (224, 256, 247), 1: (240, 272, 322), 2: (260, 292, 322)}
MILITARY_UNIFORM = 652


def test_tensors_are_matched_by_position_and_shape() -> None:
    template = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, 2)).state_dict()
    plain = {key: value for key, value in template.items() if "num_batches" not in key}
    stored = {f"old.{i}": torch.randn_like(value) for i, value in enumerate(plain.values())}
    named = packages.by_position(stored, template, where=packages.Path("x"))
    assert list(named) == list(template)
    assert all(torch.equal(named[key], value) for key, value in zip(plain, stored.values(), strict=True))
    swapped = dict(reversed(stored.items()))
    with pytest.raises(BadWeights, match="old"):
        packages.by_position(swapped, template, where=packages.Path("x"))
    del stored["old.0"]
    with pytest.raises(BadWeights):
        packages.by_position(stored, template, where=packages.Path("x"))


@pytest.mark.real
@pytest.mark.parametrize("number", [0, 1, 2])
def test_efficientnet_lite_reads_a_picture(number: int) -> None:
    """The portrait of an officer that matplotlib ships is among the first three of 1000 classes."""
    from matplotlib import cbook

    package = packages.PACKAGES[f"package:efficientnet-lite{number}"]
    config = timm.models.get_pretrained_cfg(package.architecture).to_dict()
    preprocessing = preprocessing_of(config, package.architecture)
    size, resize, tensors = SIZES[number]
    assert (preprocessing.size, preprocessing.resize) == (size, resize)
    model = timm.create_model(package.architecture, pretrained=False).eval()
    file = packages._inside("", package)
    stored = torch.load(file, map_location="cpu", weights_only=True)
    assert sum("num_batches" not in key for key in stored) == tensors
    model.load_state_dict(packages.by_position(stored, model.state_dict(), where=file))
    with cbook.get_sample_data("grace_hopper.jpg") as handle, Image.open(handle) as opened:
        picture = opened.convert("RGB")
    with torch.no_grad():
        logits = model(**preprocessing([picture]))
    assert MILITARY_UNIFORM in logits[0].topk(3).indices.tolist()


@pytest.mark.real
def test_efficientnet_lite_opens_with_a_new_head() -> None:
    options = OpenOptions(task="image-classification", outputs=10, image_size=96)
    backbone = open_model("package:efficientnet-lite0", options)
    assert backbone.model.classifier.out_features == 10
    assert len(backbone.blocks) == 18
    assert backbone.blocks[-1].width == 1280
    assert backbone.licence == "apache-2.0"
    assert backbone.notes == []
    size = backbone.preprocessing.describe()
    assert (size["size"], size["resize"]) == (96, 96)
    random = open_model("package:efficientnet-lite0", replace(options, pretrained=False))
    assert not torch.equal(random.model.conv_stem.weight, backbone.model.conv_stem.weight)


@pytest.mark.real
def test_minilm_tells_meanings_apart() -> None:
    backbone = open_model("package:minilm", OpenOptions(task="text-classification", outputs=2))
    assert [block.width for block in backbone.blocks] == [384] * 8
    assert backbone.notes == []
    assert backbone.preprocessing.describe()["max_length"] == 512
    texts = ["a cat sleeps on the sofa", "a kitten naps on the couch", "shares fell sharply on monday"]
    batch = backbone.preprocessing(texts)
    with torch.no_grad():
        hidden = backbone.model.bert(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    vectors = nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
    near, far = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
    assert near > 0.6
    assert far < 0.2
