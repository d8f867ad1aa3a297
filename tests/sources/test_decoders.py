"""Decoders as classifiers: the head's input is the last token's, whichever side the padding is on."""

from pathlib import Path

import pytest
import torch

from crosstune.frozen.taps import TapModel
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.decoders import is_decoder, last_token
from crosstune.sources.registry import open_model
from tests.sources.conftest import HUB, Opener
from tests.support.tiny import random_texts, tiny_llama_dir

TEXTS = ["good film", "the phone was very bad and this day was not", "a"]


def opened(folder: Path, side: str) -> Backbone:
    tiny_llama_dir(folder, side=side)
    return open_model(str(folder), OpenOptions(task="text-classification", outputs=3))


def test_the_last_token_is_the_rightmost_that_is_no_padding() -> None:
    ids = torch.tensor([[5, 6, 2, 2], [2, 2, 5, 6], [5, 2, 6, 2], [2, 2, 2, 2], [3, 4, 5, 6]])
    assert last_token(ids, 2).tolist() == [1, 3, 2, 0, 3]


def test_only_decoders_are_decoders(tiny_models: Opener) -> None:
    assert is_decoder(tiny_models("llama").model)
    assert not is_decoder(tiny_models("bert").model)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_padding_of_the_folder_becomes_the_models_and_stands_on_the_right(
    side: str, tmp_path: Path
) -> None:
    backbone = opened(tmp_path / "llama", side)
    assert backbone.model.config.pad_token_id == 2  # the folder's config says nothing
    batch = backbone.preprocessing(TEXTS)
    assert batch["attention_mask"].sum(1).tolist() == [2, 10, 1]
    assert batch["attention_mask"][:, 0].tolist() == [1, 1, 1]
    assert (batch["input_ids"][batch["attention_mask"] == 0] == 2).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_logits_are_those_of_transformers_own_forward(side: str, tiny_models: Opener) -> None:
    backbone = tiny_models("llama")
    batch = backbone.preprocessing(TEXTS)
    if side == "left":
        lengths = batch["attention_mask"].sum(1).tolist()
        width = batch["input_ids"].shape[1]
        batch = {
            name: torch.stack([row.roll(width - n) for row, n in zip(rows, lengths, strict=True)])
            for name, rows in batch.items()
        }
        assert batch["attention_mask"][:, -1].tolist() == [1, 1, 1]
    model = backbone.model.eval()
    with torch.no_grad():
        ours = backbone.logits(model(**batch))
        theirs = type(model).forward(model, **batch).logits
        _, head_input = TapModel(backbone).eval()(**batch)
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert head_input.shape == (3, 32)
    assert torch.allclose(backbone.head_module()(head_input), theirs, atol=1e-6)


def test_features_do_not_depend_on_the_batch_or_the_side(tiny_models: Opener) -> None:
    taps = TapModel(tiny_models("llama")).eval()
    preprocessing = tiny_models("llama").preprocessing
    right = preprocessing(TEXTS)
    width = right["input_ids"].shape[1]
    lengths = right["attention_mask"].sum(1).tolist()
    left = {
        name: torch.stack([row.roll(width - n) for row, n in zip(rows, lengths, strict=True)])
        for name, rows in right.items()
    }
    with torch.no_grad():
        alone = [taps(**preprocessing([text])) for text in TEXTS]
        for batch in (right, left):
            pooled, head_input = taps(**batch)
            assert torch.allclose(pooled, torch.cat([one[0] for one in alone]), atol=1e-5)
            assert torch.allclose(head_input, torch.cat([one[1] for one in alone]), atol=1e-5)


def test_the_mean_is_over_the_tokens_and_the_head_reads_the_last_one(tiny_models: Opener) -> None:
    backbone = tiny_models("llama")
    batch = backbone.preprocessing(TEXTS)
    with torch.no_grad():
        pooled, head_input = TapModel(backbone).eval()(**batch)
        hidden = backbone.model.model(**batch).last_hidden_state
    for row, length in enumerate(batch["attention_mask"].sum(1).tolist()):
        assert torch.allclose(pooled[row, -32:], hidden[row, :length].mean(0), atol=1e-6)
        assert torch.equal(head_input[row], hidden[row, length - 1])
    assert not torch.allclose(pooled[:, -32:], head_input, atol=1e-3)


def test_the_saved_folder_is_an_ordinary_one(tiny_models: Opener, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, LlamaForSequenceClassification

    backbone = tiny_models("llama")
    backbone.save(tmp_path / "model", HUB)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    assert type(model) is LlamaForSequenceClassification
    assert model.config.pad_token_id == 2
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    raw = random_texts(6)
    with torch.no_grad():
        theirs = model(**tokenizer(raw, padding=True, return_tensors="pt")).logits
        ours = backbone.logits(backbone.model.eval()(**backbone.preprocessing(raw)))
    assert torch.allclose(ours, theirs, atol=1e-6)
