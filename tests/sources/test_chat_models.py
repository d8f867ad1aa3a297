"""The tokenizer of a language model: found in a folder, with ends and length; encoders are refused."""

import json
from pathlib import Path

import pytest

from crosstune.core.errors import DamagedFile
from crosstune.sources.chat_models import open_chat
from crosstune.sources.errors import OtherModality, UnknownModel, UnsupportedModel
from tests.support.chats import CHATML, talking_folder
from tests.support.tiny import tiny_bert_dir


def test_a_folder_gives_template_length_and_ends(tmp_path: Path) -> None:
    opened = open_chat(str(talking_folder(tmp_path)))
    assert (opened.chat.template, opened.chat.own, opened.longest) == (CHATML, True, 100)
    assert opened.chat.ends == {opened.chat.tokenizer.eos_token_id}


def test_the_ends_are_those_of_the_generation_config(tmp_path: Path) -> None:
    config = talking_folder(tmp_path) / "generation_config.json"
    for written, ends in ((7, {7}), ([7, 9], {7, 9})):
        config.write_text(json.dumps({"eos_token_id": written}))
        assert open_chat(str(tmp_path)).chat.ends == ends
    config.write_text('{"eos_token_id": "</s>"}')
    with pytest.raises(DamagedFile, match="eos_token_id"):
        open_chat(str(tmp_path))


def test_an_encoder_does_not_write(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="model type `bert`"):
        open_chat(str(tiny_bert_dir(tmp_path)))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("./nowhere", UnknownModel),
        ("package:nothing", UnknownModel),
        ("package:efficientnet-lite0", OtherModality),
        ("torchvision:resnet50", UnknownModel),
    ],
)
def test_what_is_no_language_model_is_refused(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        open_chat(name)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UnsupportedModel, match="cannot write texts"):
        open_chat(str(tmp_path))


@pytest.mark.real
def test_smollm2_has_its_template() -> None:
    opened = open_chat("package:smollm2")
    assert opened.chat.own
    assert opened.longest == 8192
    assert opened.chat.tokenizer.convert_ids_to_tokens(sorted(opened.chat.ends)) == ["<|im_end|>"]
