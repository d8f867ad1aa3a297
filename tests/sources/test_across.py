"""A text body reads pictures: sizes and scales fit the body, nothing of it is lost, a folder holds it all."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crosstune.core.errors import BadValue
from crosstune.sources import across
from crosstune.sources.base import OpenOptions
from crosstune.sources.embedder import word_norm
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.registry import open_model
from crosstune.sources.saved import open_saved
from tests.sources.conftest import Runner
from tests.support.tiny import random_images, tiny_bert_dir, tiny_llama_dir

OPTIONS = OpenOptions(task="image-classification", outputs=3, image_size=28)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert_dir(tmp_path_factory.mktemp("across") / "bert")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama_dir(tmp_path_factory.mktemp("across") / "llama")


def test_the_body_is_that_of_the_folder_and_only_the_embedder_is_new(bert: Path) -> None:
    from transformers import BertModel

    own = BertModel.from_pretrained(bert).state_dict()
    opened = open_model(str(bert), OPTIONS)
    kept = {name.removeprefix("body."): one for name, one in opened.model.state_dict().items()}
    without = {name for name in own if name not in kept}
    assert {name.rpartition(".")[0] for name in without} == {"embeddings.word_embeddings", "pooler.dense"}
    assert all(torch.equal(kept[name], own[name]) for name in own.keys() - without)
    assert opened.new_parts == ("embedder",)
    assert opened.pretrained
    assert any("only crosstune loads this model" in note for note in opened.notes)


def test_patches_are_as_long_as_words(bert: Path) -> None:
    from transformers import BertModel

    words = word_norm(BertModel.from_pretrained(bert))
    opened = open_model(str(bert), OPTIONS)
    pixels = opened.preprocessing(random_images(8))["pixel_values"]
    with torch.no_grad():
        norms = opened.model.get_submodule("embedder")(pixels).norm(dim=-1)
    # A layer norm gives every vector the same length, save for its epsilon.
    torch.testing.assert_close(norms, torch.full_like(norms, words), rtol=1e-3, atol=0)


def test_a_body_with_learned_positions_keeps_them_and_another_gets_a_table(bert: Path, llama: Path) -> None:
    names = [name for name, _ in open_model(str(bert), OPTIONS).model.named_parameters()]
    assert "embedder.positions" not in names
    assert "body.embeddings.position_embeddings.weight" in names
    other = open_model(str(llama), OPTIONS)
    table = dict(other.model.named_parameters())["embedder.positions"]
    assert table.shape == (49, 32)
    assert not table.any()
    assert across.IN_ORDER in other.notes


@pytest.mark.parametrize(
    ("side", "patch", "expected"),
    [
        (28, None, (28, 4)),
        (32, None, (32, 4)),
        (224, None, (224, 32)),
        (28, 7, (28, 7)),
        (None, 16, (112, 16)),
    ],
)
def test_patches_divide_the_picture_into_about_seven_by_seven(
    side: int | None, patch: int | None, expected: tuple[int, int]
) -> None:
    assert across.geometry(replace(OPTIONS, image_size=side, patch=patch)) == expected


def test_what_cannot_be_is_said(bert: Path) -> None:
    with pytest.raises(BadValue, match="image_size=30"):
        open_model(str(bert), replace(OPTIONS, patch=5))
    with pytest.raises(BadValue, match="196 patches"):  # the tiny body has 64 positions
        open_model(str(bert), replace(OPTIONS, patch=2))
    with pytest.raises(UnsupportedModel, match="reads images as it is"):
        open_model("timm:test_vit", OpenOptions(task=OPTIONS.task, outputs=3, pretrained=False, patch=4))
    with pytest.raises(UnsupportedModel, match="reads texts as it is"):
        open_model(str(bert), OpenOptions(task="text-classification", outputs=3, body=False))


def test_the_parts_that_are_new_depend_on_the_seed_and_on_nothing_else(bert: Path) -> None:
    def state(**changes: object) -> dict[str, torch.Tensor]:
        torch.manual_seed(int(torch.randint(100, (1,))))
        return dict(open_model(str(bert), replace(OPTIONS, **changes)).model.state_dict())  # type: ignore[arg-type]

    one, same, other = state(), state(), state(seed=1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    changed = {name.partition(".")[0] for name in one if not torch.equal(one[name], other[name])}
    assert changed == {"embedder", "head"}


def test_controls_a_random_body_and_none(bert: Path, outputs: Runner, tmp_path: Path) -> None:
    random = open_model(str(bert), replace(OPTIONS, pretrained=False))
    assert not random.pretrained
    alone = open_model(str(bert), replace(OPTIONS, body=False))
    assert not alone.pretrained
    assert {name.partition(".")[0] for name in alone.model.state_dict()} == {"embedder", "head"}
    pictures = random_images(3)
    for number, opened in enumerate((random, alone)):
        opened.save(tmp_path / str(number), {})
        assert torch.equal(outputs(open_saved(tmp_path / str(number)), pictures), outputs(opened, pictures))


def test_a_saved_folder_is_a_starting_point_at_its_own_size(bert: Path, tmp_path: Path) -> None:
    first = open_model(str(bert), OPTIONS)
    with torch.no_grad():
        first.model.get_submodule("embedder.norm").weight.mul_(2.0)
    first.save(tmp_path / "saved", {})
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {
        "model.safetensors", "body_config.json", "crosstune.json",
    }  # fmt: skip
    again = open_model(str(tmp_path / "saved"), OpenOptions(task=OPTIONS.task, outputs=5))
    assert again.new_parts == ()
    assert again.head_module().out_features == 5
    assert again.preprocessing.describe() == first.preprocessing.describe()
    own = first.model.state_dict()
    kept = again.model.state_dict()
    assert all(torch.equal(own[name], kept[name]) for name in own if not name.startswith("head."))
    with pytest.raises(UnsupportedModel, match="reads one size"):
        open_model(str(tmp_path / "saved"), replace(OPTIONS, image_size=32))


def test_a_config_that_asks_for_code_is_refused(bert: Path, tmp_path: Path) -> None:
    opened = open_model(str(bert), OPTIONS)
    opened.save(tmp_path / "saved", {})
    config = tmp_path / "saved" / "body_config.json"
    held = json.loads(config.read_text())
    config.write_text(json.dumps(held | {"_attn_implementation_internal": "someone/kernels"}))
    with pytest.raises(UnsupportedModel, match="code from the Hub"):
        open_saved(tmp_path / "saved")
    config.write_text(json.dumps(held | {"model_type": "no-such-type"}))
    with pytest.raises(UnsupportedModel, match="cannot be made from its config"):
        open_saved(tmp_path / "saved")
