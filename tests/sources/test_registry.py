"""Names find their source; what cannot be opened is an error that says what can."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crosstune.core.errors import BadValue, MissingExtra, UserError
from crosstune.sources import hub, packages
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import BadWeights, UnknownModel, UnsupportedModel
from crosstune.sources.registry import SOURCES, catalogue, open_model
from tests.support.tiny import random_images, tiny_bert_dir

IMAGE = OpenOptions(task="image-classification", outputs=3)
TEXT = OpenOptions(task="text-classification", outputs=3)
RANDOM = replace(IMAGE, pretrained=False)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("package:minilm", "package"),
        ("timm:resnet50", "timm"),
        ("timm/resnet50.a1_in1k", "timm"),
        ("torchvision:resnet50", "torchvision"),
        ("google-bert/bert-base-uncased", "hub"),
        ("gpt2", "hub"),
        ("./here", "local"),
        ("/tmp", "local"),  # noqa: S108 - only a name
        ("~/models", "local"),
        ("nothing:else", None),
        ("a/b/c", None),
    ],
)
def test_one_source_claims_a_name(name: str, source: str | None) -> None:
    assert next((one.name for one in SOURCES if one.claims(name)), None) == source


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("package:efficientnet-lite9", "`package:efficientnet-lite"),
        ("timm:resnet5O", "`timm:resnet50`"),
        ("timm:resnet50.a1_in1", "`timm:resnet50.a1_in1k`"),
        ("torchvision:resnet5O", "`torchvision:resnet50`"),
        ("torchvision:resnet50.IMAGENET1K_V3", "`torchvision:resnet50.IMAGENET1K_V"),
        ("./nowhere", ""),
        ("nothing:else", ""),
    ],
)
def test_unknown_names_list_what_is_here_and_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        open_model(name, IMAGE)
    assert caught.value.found == name
    assert near in caught.value.fix
    here = [info.name for info in catalogue() if info.here]
    assert all(one in caught.value.expected for one in here[:40])


def test_without_a_network_hub_models_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host\nmore")

    monkeypatch.setattr(hub.HfApi, "model_info", refuse)
    for name, options in (("some-org/some-model", TEXT), ("timm:resnet18", IMAGE)):
        with pytest.raises(UnknownModel, match="no route to host") as caught:
            open_model(name, options)
        assert caught.value.name == name
        assert isinstance(caught.value.__cause__, ConnectionError)


def test_without_weights_torchvision_names_the_way_to_random_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("crosstune.sources.torchvision_models.urlopen", _refuse)
    with pytest.raises(UnknownModel, match="--set pretrained=false"):
        open_model("torchvision:resnet18", IMAGE)
    assert not list(tmp_path.rglob("*.*"))


def _refuse(*_: object, **__: object) -> None:
    raise TimeoutError("timed out")


def test_torchvision_weights_in_the_cache_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torchvision

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = torchvision.models.get_model_weights("mobilenet_v3_small").DEFAULT.url
    file = tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    state = torchvision.models.mobilenet_v3_small().state_dict()
    torch.save(state, file)
    backbone = open_model("torchvision:mobilenet_v3_small", replace(IMAGE, image_size=64))
    assert backbone.pretrained
    assert torch.equal(backbone.model.state_dict()["features.0.0.weight"], state["features.0.0.weight"])
    assert backbone.model.classifier[3].out_features == 3
    assert "torchvision:mobilenet_v3_small" in [info.name for info in catalogue() if info.here]


def test_a_package_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = replace(packages.PACKAGES["package:minilm"], module="no_such_module")
    monkeypatch.setitem(packages.PACKAGES, "package:minilm", gone)
    with pytest.raises(MissingExtra, match=r"crosstune\[demo\]"):
        open_model("package:minilm", TEXT)
    assert not next(info for info in catalogue() if info.name == "package:minilm").here


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("timm:test_vit", replace(TEXT, pretrained=False), UnsupportedModel),
        ("torchvision:squeezenet1_0", RANDOM, UnsupportedModel),
        ("torchvision:googlenet", RANDOM, UnsupportedModel),
        ("torchvision:resnet18", replace(RANDOM, dropout=0.1), UnsupportedModel),
        ("timm:test_vit", replace(RANDOM, image_size=64, resize=32), BadValue),
    ],
)
def test_what_a_model_cannot_do_is_said(name: str, options: OpenOptions, error: type[UserError]) -> None:
    with pytest.raises(error):
        open_model(name, options)


def test_sizes_and_options_of_texts_are_kept(tmp_path: Path) -> None:
    folder = str(tiny_bert_dir(tmp_path / "bert"))
    backbone = open_model(folder, replace(TEXT, max_length=20, dropout=0.3))
    assert backbone.preprocessing.describe()["max_length"] == 20
    assert backbone.model.dropout.p == 0.3
    with pytest.raises(BadValue, match="1 to 64 tokens"):
        open_model(folder, replace(TEXT, max_length=65))


def test_a_processor_takes_the_picture_size(vit_folder: Path) -> None:
    with pytest.raises(UnsupportedModel, match="cannot read an example"):
        open_model(str(vit_folder), replace(IMAGE, image_size=64))
    with pytest.raises(UnsupportedModel, match="two steps"):
        open_model(str(vit_folder), replace(IMAGE, resize=64))
    same = open_model(str(vit_folder), replace(IMAGE, image_size=32))
    assert same.preprocessing(random_images(2))["pixel_values"].shape == (2, 3, 32, 32)


def test_the_head_depends_on_the_seed_and_on_nothing_else() -> None:
    options = replace(RANDOM, image_size=64, seed=1)
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    first = open_model("timm:test_efficientnet", options)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(1)
    again = open_model("timm:test_efficientnet", options)
    other = open_model("timm:test_efficientnet", replace(options, seed=2))
    for one, two in zip(first.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first.head_module().weight, other.head_module().weight)
    assert not torch.equal(first.model.conv_stem.weight, other.model.conv_stem.weight)
    assert "the weights are random" in first.notes[0]
    assert not first.pretrained


def test_the_head_of_a_folder_is_new_and_its_body_is_not(bert_folder: Path) -> None:
    one, two = (open_model(str(bert_folder), replace(TEXT, seed=seed)) for seed in (0, 1))
    assert not torch.equal(one.head_module().weight, two.head_module().weight)
    body = [name for name, _ in one.model.named_parameters() if not name.startswith(one.head)]
    assert all(torch.equal(one.model.get_parameter(n), two.model.get_parameter(n)) for n in body)
    assert one.notes == []


def test_layers_that_a_folder_lacks_are_named_or_refused(bert_folder: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    def without(text: str) -> str:
        folder = tmp_path / text.replace(".", "-")
        shutil.copytree(bert_folder, folder)
        state = load_file(folder / "model.safetensors")
        kept = {name: tensor for name, tensor in state.items() if text not in name}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
        return str(folder)

    backbone = open_model(without("pooler"), TEXT)
    note = "layers that start from random values besides the head"
    assert backbone.notes == [f"{note}: bert.pooler.dense.bias, bert.pooler.dense.weight"]
    with pytest.raises(BadWeights, match=r"encoder\.layer\.1"):
        open_model(without("encoder.layer.1"), TEXT)


def test_the_catalogue_puts_first_what_is_here() -> None:
    listed = catalogue()
    assert [info.here for info in listed] == sorted((info.here for info in listed), reverse=True)
    assert len({info.name for info in listed}) == len(listed)
    assert {info.modality for info in listed} == {"image", "text", "audio"}
    assert all(info.parameters > 0 and info.licence for info in listed)
    sounds = {info.name for info in listed if info.modality == "audio" and info.here}
    assert sounds <= {"package:tiny-recogniser"}


def a_cached_model(cache: Path, name: str, config: dict[str, object]) -> None:
    """Put a model into a Hub cache as a download leaves it."""
    from safetensors.torch import save_file

    root = cache / f"models--{name.replace('/', '--')}"
    snapshot = root / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(snapshot.name)
    (snapshot / "config.json").write_text(json.dumps(config))
    (snapshot / "README.md").write_text("---\nlicense: mit\n---\nA card.\n")
    save_file({"weight": torch.zeros(5, 7)}, snapshot / "model.safetensors")


def test_what_the_hubs_cache_holds_is_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a_cached_model(tmp_path, "some/encoder", {"model_type": "bert"})
    a_cached_model(tmp_path, "some/speech", {"model_type": "whisper"})
    a_cached_model(tmp_path, "thenlper/gte-small", {"model_type": "bert"})
    a_cached_model(tmp_path, "facebook/wav2vec2-base", {"model_type": "wav2vec2"})
    a_cached_model(tmp_path, "timm/other.weights", {"architecture": "other"})
    a_cached_model(tmp_path, "timm/resnet18.a1_in1k", {"architecture": "resnet18"})
    (tmp_path / "models--broken--one").mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    listed = {info.name: info for info in catalogue()}
    new = listed["some/encoder"]
    assert (new.here, new.parameters, new.licence, new.modality) == (True, 35, "mit", "text")
    assert (listed["timm/other.weights"].here, listed["timm/other.weights"].modality) == (True, "image")
    assert listed["timm:resnet18.a1_in1k"].here
    assert listed["thenlper/gte-small"].here
    assert listed["thenlper/gte-small"].accuracy is not None
    assert listed["facebook/wav2vec2-base"].here
    assert (listed["some/speech"].here, listed["some/speech"].modality) == (True, "audio")
    assert listed["facebook/wav2vec2-base"].note.startswith("in the Hub's cache")
    assert not {"broken/one", "timm/resnet18.a1_in1k"} & listed.keys()


def test_other_torchvision_weights_in_the_cache_are_listed_with_their_own_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torchvision

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = torchvision.models.ResNet50_Weights.IMAGENET1K_V1
    file = tmp_path / "hub" / "checkpoints" / weights.url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    file.touch()
    listed = {info.name: info for info in catalogue()}
    found = listed["torchvision:resnet50.IMAGENET1K_V1"]
    assert found.here
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(76.13)
    assert not listed["torchvision:resnet50"].here
