"""What is saved comes back exactly, here and in transformers; damaged folders are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

from crosstune.core.errors import UserError
from crosstune.sources.base import Backbone, OpenOptions, Raw
from crosstune.sources.errors import BadWeights
from crosstune.sources.record import RECORD, BadModelFolder
from crosstune.sources.registry import open_model
from crosstune.sources.saved import open_saved
from tests.sources.conftest import HUB, Opener, Runner
from tests.support.tiny import KINDS, Kind, random_images, random_sounds, random_texts


def examples(backbone: Backbone) -> list[Raw]:
    make = {"text": random_texts, "audio": random_sounds, "image": random_images}[backbone.modality]
    return list(make(5))


@pytest.mark.parametrize("kind", KINDS)
def test_reopened_it_is_the_same_model(
    kind: Kind, tiny_models: Opener, outputs: Runner, tmp_path: Path
) -> None:
    backbone = tiny_models(kind)
    backbone.save(tmp_path / "model", HUB)
    again = open_saved(tmp_path / "model")
    raw = examples(backbone)
    assert torch.equal(outputs(again, raw), outputs(backbone, raw))
    assert again.blocks == backbone.blocks
    assert again.preprocessing.describe() == backbone.preprocessing.describe()
    for field in ("name", "source", "licence", "origin", "pretrained", "head", "notes", "loads_with"):
        assert getattr(again, field) == getattr(backbone, field)


@pytest.mark.parametrize("kind", ["bert", "vit", "efficientnet", "timm-vit", "llama"])
def test_transformers_gives_the_same_labels_and_scores(
    kind: Kind, tiny_models: Opener, outputs: Runner, tmp_path: Path
) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    backbone = tiny_models(kind)
    backbone.save(tmp_path / "model", HUB)
    namespace: dict[str, Any] = {}
    exec(backbone.loads_with.format(path=tmp_path / "model"), namespace)  # noqa: S102 - our own lines
    raw = examples(backbone)
    rows = namespace["predict"](raw, top_k=None)
    scores = torch.softmax(outputs(backbone, raw), dim=-1).numpy()
    names = list(HUB["id2label"].values())
    theirs = [[next(x["score"] for x in row if x["label"] == name) for name in names] for row in rows]
    np.testing.assert_allclose(theirs, scores, atol=1e-5)
    best = [row[0]["label"] for row in rows]
    assert best == [names[index] for index in scores.argmax(1)]


def test_long_texts_pass_through_the_pipeline(tiny_models: Opener, outputs: Runner, tmp_path: Path) -> None:
    backbone = tiny_models("bert")
    backbone.save(tmp_path / "model", HUB)
    namespace: dict[str, Any] = {}
    exec(backbone.loads_with.format(path=tmp_path / "model"), namespace)  # noqa: S102 - our own lines
    text = " ".join(["good"] * 500)
    row = namespace["predict"]([text], top_k=None)[0]
    scores = torch.softmax(outputs(backbone, [text]), dim=-1)
    assert max(one["score"] for one in row) == pytest.approx(float(scores.max()), abs=1e-5)


def test_timm_loads_its_own_format(tiny_models: Opener, outputs: Runner, tmp_path: Path) -> None:
    backbone = tiny_models("efficientnet")
    backbone.save(tmp_path / "model", HUB)
    model = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    raw = random_images(3)
    with torch.no_grad():
        theirs = model(backbone.preprocessing(raw)["x"])
    assert torch.equal(theirs, outputs(backbone, raw))
    assert list(model.pretrained_cfg["input_size"]) == [3, 64, 64]


def test_picture_sizes_that_were_asked_for_are_saved(outputs: Runner, tmp_path: Path) -> None:
    options = OpenOptions(
        task="image-regression", outputs=1, pretrained=False, image_size=56, resize=64
    )  # fmt: skip
    backbone = open_model("timm:test_resnet", options)
    hub = {"id2label": {0: "value"}, "label2id": {"value": 0}, "problem_type": "regression"}
    backbone.save(tmp_path / "model", hub)
    namespace: dict[str, Any] = {}
    exec(backbone.loads_with.format(path=tmp_path / "model"), namespace)  # noqa: S102 - our own lines
    raw = random_images(3)
    values = [row[0]["score"] for row in namespace["predict"](raw)]
    np.testing.assert_allclose(values, outputs(backbone, raw)[:, 0].numpy(), rtol=1e-5)


def test_torchvision_folders_load_with_the_lines_that_they_name(outputs: Runner, tmp_path: Path) -> None:
    options = OpenOptions(
        task="image-classification", outputs=3, pretrained=False, image_size=64, dropout=0.4
    )  # fmt: skip
    backbone = open_model("torchvision:mobilenet_v3_small", options)
    backbone.save(tmp_path / "model", HUB)
    namespace: dict[str, Any] = {"torchvision": torchvision}
    exec(backbone.loads_with.format(path=tmp_path / "model"), namespace)  # noqa: S102 - our own lines
    raw = random_images(2)
    with torch.no_grad():
        theirs = namespace["model"].eval()(backbone.preprocessing(raw)["x"])
    assert torch.equal(theirs, outputs(backbone, raw))
    again = open_saved(tmp_path / "model")
    assert torch.equal(outputs(again, raw), theirs)
    assert again.model.classifier[2].p == 0.4


@pytest.mark.parametrize("kind", ["bert", "efficientnet"])
@pytest.mark.parametrize("damage", ["cut", "missing tensor", "nan", "no file"])
def test_damaged_weights_are_refused(kind: Kind, damage: str, tiny_models: Opener, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny_models(kind).save(folder, HUB)
    file = folder / "model.safetensors"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "no file":
        file.unlink()
    else:
        state = load_file(file)
        name = next(name for name in sorted(state) if state[name].ndim == 2)
        if damage == "nan":
            state[name][0, 0] = float("nan")
        else:
            del state[name]
        save_file(state, file, metadata={"format": "pt"})
    with pytest.raises(BadWeights):
        open_saved(folder)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    options = OpenOptions(task="image-classification", outputs=3, pretrained=False, image_size=64)
    backbone = open_model("timm:test_efficientnet", options)
    with torch.no_grad():
        backbone.head_module().weight[0, 0] = float("inf")
    with pytest.raises(BadWeights, match=r"classifier\.weight"):
        backbone.save(tmp_path / "model", HUB)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"version": 99}', '{"version": 1, "options": {}}'])
def test_folders_without_a_good_record_are_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / RECORD).write_text(content)
    with pytest.raises(BadModelFolder) as caught:
        open_saved(tmp_path)
    assert isinstance(caught.value, UserError)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_can_be_the_start_of_another(kind: Kind, tiny_models: Opener, tmp_path: Path) -> None:
    backbone = tiny_models(kind)
    backbone.save(tmp_path / "run" / "model", HUB)
    options = OpenOptions(task=f"{backbone.modality}-regression", outputs=1, seed=3)
    again = open_model(str(tmp_path / "run"), options)
    assert again.head_module().out_features == 1
    assert again.preprocessing.describe() == backbone.preprocessing.describe()
    theirs = dict(backbone.model.named_parameters())
    for name, parameter in again.model.named_parameters():
        if not name.startswith(again.head):
            assert torch.equal(parameter, theirs[name]), name
