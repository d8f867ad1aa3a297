"""The loss of the next token against transformers' own causal language model, text by text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from crosstune.data.unrelated.base import Held
from crosstune.frozen.next_token import names_next_token, next_token_losses
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.registry import open_model
from tests.support.chats import dialogue_of, open_writer, tiny_writer_dir
from tests.support.tiny import random_texts, tiny_backbone, tiny_llama_dir

TEXTS = [*random_texts(19), "red"]
WRITTEN = ["Hello there.", "x", "Is it 12.5, or -3?", *random_texts(9), "a" * 300, ""]


def opened(folder: Path, side: str) -> Backbone:
    place = tiny_llama_dir(folder / side, side=side)
    backbone = open_model(str(place), OpenOptions(task="text-classification", outputs=2))
    backbone.model.config.tie_word_embeddings = True  # as SmolLM2 and most small language models
    return backbone


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_losses_are_those_of_the_causal_language_model_on_each_text_alone(
    tmp_path: Path, side: str
) -> None:
    backbone = opened(tmp_path, side)
    assert names_next_token(backbone)
    found = next_token_losses(backbone, Held(TEXTS))
    whole = LlamaForCausalLM(backbone.model.config).eval()
    whole.model = backbone.model.base_model
    whole.lm_head.weight = whole.model.get_input_embeddings().weight
    for text, loss, tokens in zip(TEXTS, found.losses, found.tokens, strict=True):
        batch = backbone.preprocessing([text])
        count = int(batch["attention_mask"].sum()) - 1
        assert tokens == count
        if not count:
            assert loss == 0.0
            continue
        with torch.no_grad():
            expected = float(whole(**batch, labels=batch["input_ids"]).loss) * count
        assert loss == pytest.approx(expected, rel=1e-4)
    assert found.tokens[-1] == 0
    assert np.isfinite(found.losses).all()


def test_a_model_that_answers_reads_plain_texts_without_its_template(tmp_path: Path) -> None:
    backbone = open_writer(tiny_writer_dir(tmp_path / "writer", tie_word_embeddings=False))
    assert names_next_token(backbone)
    found = next_token_losses(backbone, Held(WRITTEN))
    whole: Any = backbone.model.get_submodule("inner")
    for text, loss, tokens in zip(WRITTEN, found.losses, found.tokens, strict=True):
        ids = torch.tensor([dialogue_of(backbone).chat.tokenizer(text)["input_ids"]])[:, :100]
        assert tokens == max(0, min(len(text), 100) - 1)
        if not tokens:
            assert loss == 0.0
            continue
        with torch.no_grad():
            expected = float(whole(input_ids=ids, labels=ids).loss) * tokens
        assert loss == pytest.approx(expected, rel=1e-4)
    alone = next_token_losses(backbone, Held(WRITTEN[:1]))
    assert alone.losses[0] == pytest.approx(found.losses[0], rel=1e-5)


def test_only_a_language_model_with_a_tied_head_names_the_next_token(tmp_path: Path) -> None:
    tied = opened(tmp_path, "left")
    tied.model.config.tie_word_embeddings = False
    assert not names_next_token(tied)
    for kind in ("bert", "vit", "resnet", "llama-patches"):
        assert not names_next_token(tiny_backbone(kind, 2, tmp_path / kind))


def test_the_model_stays_in_its_mode(tmp_path: Path) -> None:
    backbone = opened(tmp_path, "left")
    backbone.model.train()
    next_token_losses(backbone, Held(TEXTS[:3]))
    assert backbone.model.base_model.training
