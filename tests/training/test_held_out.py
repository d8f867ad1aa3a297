"""Naming hidden tokens of held-out texts: the figures by hand, and nothing moved."""

import math
from pathlib import Path

import pytest
import torch

from crosstune.sources.masked import masked_model
from crosstune.training.held_out import name_hidden
from crosstune.training.masking import Masker
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone


def test_loss_and_share_are_those_of_the_full_softmax(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    model = masked_model(backbone, 0)
    texts = random_texts(40)  # more than one batch
    masker = Masker(backbone.preprocessing.tokenizer, 0.3, 0, "held-out mask")  # type: ignore[attr-defined]
    model.model.train()
    found = name_hidden(model, MemoryItems(texts), masker, backbone.preprocessing)
    assert model.model.training
    model.model.eval()
    losses, right = [], []
    for row, text in enumerate(texts):
        one = masker(backbone.preprocessing([text]), [row])
        with torch.no_grad():
            odds = model.model(**one.batch).logits[one.chosen].log_softmax(dim=1)
        losses += (-odds[range(len(one.labels)), one.labels]).tolist()
        right += (odds.argmax(dim=1) == one.labels).tolist()
    assert found.tokens == len(losses)
    assert found.loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert found.right == sum(right) / len(right)
    assert found.perplexity == pytest.approx(math.exp(found.loss))


def test_texts_without_a_token_to_hide_have_no_figure(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    masker = Masker(backbone.preprocessing.tokenizer, 0.3, 0)  # type: ignore[attr-defined]
    found = name_hidden(masked_model(backbone, 0), MemoryItems(["☃"]), masker, backbone.preprocessing)
    assert found.tokens == 0
    assert math.isnan(found.loss)
