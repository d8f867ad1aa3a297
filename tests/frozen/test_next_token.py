"""The loss of the next token against transformers' own causal language model, text by text."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from crosstune.data.unrelated.base import Held
from crosstune.frozen.next_token import names_next_token, next_token_losses
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.registry import open_model
from tests.support.tiny import random_texts, tiny_backbone, tiny_llama_dir

TEXTS = [*random_texts(19), "red"]


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
